"""The platforms. Only here do requests, httpx, shopify and shopify_app exist; each platform is one folder
that knows no other.
"""
