"""Tills: an issuer's service that a shop's cash registers talk to.

`till.py` is the whole, `desk.py` what is accepted, `errands.py` how it comes to the chain, `service.py` HTTP.
"""
