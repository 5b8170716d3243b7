"""What a brand runs off the chain: members, rules, journal, books. Each part is a file."""
