"""What several backends share: the stepping kernel with replaceable parts, and its session."""
