"""The README says what is true: its computed table is the backends' own, its example is short."""

from __future__ import annotations

import re
from pathlib import Path

from hmn_snn.support import support_table

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_support_table_is_what_the_backends_say():
    between = re.search(r"<!-- support table -->\n(.*?)\n<!-- end -->", README, re.DOTALL)
    assert between is not None
    assert between.group(1) == support_table(), "paste the output of `hmn-snn backends --table` into README.md"


def test_the_first_network_takes_at_most_fifteen_lines():
    example = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert example is not None
    assert len([line for line in example.group(1).splitlines() if line.strip()]) <= 15
