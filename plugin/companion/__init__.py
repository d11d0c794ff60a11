"""The companion: our plugin inside a store that its merchant owns, and what it asks us.

Its server signs each question with a secret that we share with it. For shoppers it fetches facts, and says them in the
shop's own language and theme; for the merchant it opens our pages without a password; for the law it hands out and
erases. `keep_paired` is how the secret comes there.
"""

from plugin.companion.pages import pages
from plugin.companion.pairing import CompanionStore, Paired, keep_paired

__all__ = ["CompanionStore", "Paired", "keep_paired", "pages"]
