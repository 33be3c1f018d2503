"""What this process handed over lately, for providers that keep no keys."""

from collections import OrderedDict

from postoffice.model.delivery import Receipt

_MOST = 50_000


class Memory:
    """Receipts by key. A key that comes again while it is remembered is not sent again: no promise, but one double less.

    It does not outlive the process, so it is no reason to claim `keeps_keys`.
    """

    def __init__(self) -> None:
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()

    def get(self, key: str) -> Receipt | None:
        """The receipt that was given for this key."""
        return self._receipts.get(key)

    def keep(self, receipt: Receipt) -> Receipt:
        """Remember, and return the same receipt."""
        self._receipts[receipt.key] = receipt
        if len(self._receipts) > _MOST:
            self._receipts.popitem(last=False)
        return receipt
