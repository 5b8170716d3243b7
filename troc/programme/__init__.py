"""What a brand runs off chain: who its members are, what they earn, and its books."""
