"""The senders that `benchmarks/email.py` compares: ours, the naive Python one, and npm's nodemailer."""
