"""How much one client may hold, and how often it may hold and let go, so that nobody blocks a calendar for nothing."""

from chalicelib.booking.errors import HoldLimit
from chalicelib.settings import SECONDS_PER_DAY, settings
from chalicelib.store import pages
from chalicelib.store.items import Ended

ENDED_PER_HOLD = 10
"""So many times its live holds may a client let go within a day."""


def over_limit(client_id: str, now: int) -> HoldLimit | None:
    """Why the client may hold nothing more now; None when it may.

    One read of an index that lags a little: the limit is on mischief, not on the second. A client with more
    ahead than the read looks at is over it too.
    """
    if not settings.max_live_holds:
        return None
    seen, more = pages.holds_ahead(client_id, now=now, ended_after=now - SECONDS_PER_DAY)
    ended = sorted(item.ended_at for item in seen if isinstance(item, Ended))
    live = sorted(item.expires_at for item in seen if not isinstance(item, Ended))
    if len(live) >= settings.max_live_holds:
        return HoldLimit(live[0] - now)
    if len(ended) >= settings.max_live_holds * ENDED_PER_HOLD:
        return HoldLimit(ended[0] + SECONDS_PER_DAY - now)
    return HoldLimit(SECONDS_PER_DAY) if more else None
