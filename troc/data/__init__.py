"""The market for one's own data: the vault, consent, attestations, deals."""
