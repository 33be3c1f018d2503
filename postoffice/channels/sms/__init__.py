"""Short messages: by SMPP to a gateway, or by a provider's web interface."""
