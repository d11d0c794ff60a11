"""The machine: moves deliveries in and effects out, keeps the mirror of each store, and knows no domain and no
platform.
"""
