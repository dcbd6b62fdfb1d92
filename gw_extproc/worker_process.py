"""What launchers run: `python -m gw_extproc.worker_process` is a worker that starts faster.

While modules are loaded, a great many objects arise and hardly any becomes garbage: to look for some again and again would take a fifth
of the start. All that is loaded stays, so it is not looked through later either.
"""

from __future__ import annotations

import gc


def main() -> None:
    gc.disable()
    from gw_extproc import worker

    gc.freeze()
    gc.enable()
    worker.main()


if __name__ == "__main__":
    main()
