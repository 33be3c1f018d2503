"""Print houses: carriers that make paper of pages."""
