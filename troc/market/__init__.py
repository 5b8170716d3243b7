"""The market: clearing, instant swaps, desks, history; built on the index and the book."""
