"""A Grafana dashboard and Prometheus alert rules over /metrics; `postoffice doctor --dashboard [alerts]` prints them."""
