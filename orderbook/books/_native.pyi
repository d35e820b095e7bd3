# Nothing of their own: the reference says what a book is.
from typing import Any

class SideCore:
    def __init__(self, owner: Any, index: int) -> None: ...

class L2Core: ...
