"""The API: what a merchant's own programs may ask and tell, with a key that the merchant made.

Its page is docs/api.md; a test compares the two.
"""

from plugin.api.door import Pace as Pace
from plugin.api.routes import pages as pages
