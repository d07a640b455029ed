"""Controlled studies: small models from scratch, exact correct mass, one dial at a time."""
