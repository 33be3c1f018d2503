"""From a plan to deliveries handed over: calling carriers, telling their answers apart, trying again, settling doubts."""
