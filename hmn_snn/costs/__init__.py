"""What an event costs on each device: one TOML file per device, one row per constant, each with source and range."""

from __future__ import annotations

from .table import CostTable, Host, Row, cost_table, devices

__all__ = ["CostTable", "Host", "Row", "cost_table", "devices"]
