"""A relay: takes what people signed over HTTP, and brings it to the chain at its own cost."""
