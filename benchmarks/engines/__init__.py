"""The peers: small programs `IN OUT`, each run as a process of its own."""
