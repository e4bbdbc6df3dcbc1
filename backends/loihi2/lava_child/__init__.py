"""What runs inside Lava's interpreter: Lava, numpy and the standard library only, started as a script of its own."""
