"""What the crowd did beside buying: points and rewards, friends brought, deliveries and effects, answers and visits.

Statements in turn, over the tables of `bench.crowd` that hold who they are and what they ordered. Points are booked as
the ledger books them, so that lots, balances, totals and heads come to the same; only the chain's seals are blank.
"""

from __future__ import annotations

# The last year's orders earned; of those that earned a reward's worth some were spent.
POINTS = (
    """
    CREATE UNLOGGED TABLE crowd_bought AS
    SELECT row_number() OVER (ORDER BY bought_at) AS redemption_id, b.*,
           CASE WHEN bought_at > CAST(%(now)s AS timestamptz) - interval '30 days' THEN 'open'
                WHEN fate < 0.75 THEN 'used' ELSE 'released' END AS fate_name
    FROM (SELECT order_id, customer_id, at + interval '15 days' + random() * interval '60 days' AS bought_at,
                 random() AS fate
          FROM crowd_orders WHERE at > CAST(%(now)s AS timestamptz) - interval '365 days' AND goods_minor >= 10000
            AND order_id %% 200 <> 3 AND order_id %% 90 <> 5) b
    WHERE bought_at < CAST(%(now)s AS timestamptz)
    """,
    """
    INSERT INTO entries (shop_id, customer_id, account, kind, points, lot_id, order_id, redemption_id, idempotency_key,
                         terms_version, sentence, available_at, recorded_at)
    SELECT %(shop)s, customer_id, account, kind, points, order_id, CASE WHEN kind = 'earn' THEN order_id END,
           redemption_id, key, 1, sentence, CASE WHEN kind = 'earn' THEN at + interval '14 days' END, at
    FROM (SELECT customer_id, 'points' AS account, 'earn' AS kind, goods_minor / 100 AS points, order_id,
                 CAST(NULL AS bigint) AS redemption_id, 'order:' || order_id || ':v1' AS key,
                 '#' || 1000 + order_id || ': ' || goods_minor / 100 || ' points' AS sentence, at
          FROM crowd_orders
          WHERE at > CAST(%(now)s AS timestamptz) - interval '365 days' AND goods_minor >= 100 AND order_id %% 200 <> 3
            AND order_id %% 90 <> 5
          UNION ALL
          SELECT customer_id, m.account, m.kind, m.points, order_id, redemption_id,
                 'redemption:' || redemption_id || ':' || m.kind || ':' || m.account, 'for 5.00 USD off',
                 bought_at + m.after
          FROM crowd_bought JOIN (VALUES
              ('points', 'hold', -100, interval '0', 'any'), ('held', 'hold', 100, interval '0', 'any'),
              ('held', 'spend', -100, interval '9 days', 'used'),
              ('held', 'release', -100, interval '30 days', 'released'),
              ('points', 'release', 100, interval '30 days', 'released')
          ) AS m(account, kind, points, after, fate) ON m.fate IN ('any', fate_name)) e
    WHERE at <= CAST(%(now)s AS timestamptz) ORDER BY at
    """,
    """
    INSERT INTO lots (shop_id, lot_id, customer_id, order_id, remaining, available_at)
    SELECT shop_id, lot_id, min(customer_id), max(order_id), sum(points), max(available_at) FROM entries
    WHERE shop_id = %(shop)s AND account = 'points' GROUP BY shop_id, lot_id
    """,
    """
    INSERT INTO balances (shop_id, customer_id, points, held, told_points)
    SELECT shop_id, customer_id, coalesce(sum(points) FILTER (WHERE account = 'points'), 0),
           coalesce(sum(points) FILTER (WHERE account = 'held'), 0),
           coalesce(sum(points) FILTER (WHERE account = 'points'), 0)
    FROM entries WHERE shop_id = %(shop)s GROUP BY shop_id, customer_id
    """,
    """
    INSERT INTO ledger_totals (shop_id, slot, issued, reversed, spent, expired, adjusted, moved)
    SELECT shop_id, date_bin('15 minutes', recorded_at, '2000-01-01 00:00Z'),
           coalesce(sum(points) FILTER (WHERE counter = 'issued'), 0), 0,
           coalesce(sum(points) FILTER (WHERE counter = 'spent'), 0), 0, 0, 0
    FROM entries WHERE shop_id = %(shop)s GROUP BY 1, 2
    """,
    """
    INSERT INTO ledger_links (shop_id, seq, batch_id, entries, first_entry_id, last_entry_id, linked_at, marks, digest,
                              previous, hash)
    SELECT shop_id, row_number() OVER (ORDER BY min(entry_id)), row_number() OVER (ORDER BY min(entry_id)), count(*),
           min(entry_id), max(entry_id), max(recorded_at), '', '', '', ''
    FROM entries WHERE shop_id = %(shop)s GROUP BY shop_id, CAST(recorded_at AS date)
    """,
    """
    INSERT INTO ledger_heads (shop_id, seq, hash, previous, points, held)
    SELECT shop_id, (SELECT max(seq) FROM ledger_links), '', '', sum(points), sum(held) FROM balances
    WHERE shop_id = %(shop)s GROUP BY shop_id
    """,
    """
    INSERT INTO redemptions (shop_id, redemption_id, customer_id, request_key, reward, points, code, created_at,
                             expires_at, terms_version, issued_at, outcome, ended_at)
    OVERRIDING SYSTEM VALUE
    SELECT %(shop)s, redemption_id, customer_id, 'click-' || redemption_id,
           '{"key": "five-off", "title": "5.00 USD off", "points": 100, "amount_minor": 500, "minimum_minor": 0,
             "code_days": 30}', 100,
           'LOYAL-' || upper(substr(md5(redemption_id || 'code'), 1, 12)), bought_at, bought_at + interval '30 days', 1,
           bought_at + interval '1 second',
           CASE fate_name WHEN 'used' THEN 'used' WHEN 'released' THEN 'released' END,
           CASE fate_name WHEN 'used' THEN bought_at + interval '9 days'
                WHEN 'released' THEN bought_at + interval '30 days' END
    FROM crowd_bought ORDER BY redemption_id
    """,
    """
    INSERT INTO member_tiers (shop_id, customer_id, tier, since)
    SELECT b.shop_id, b.customer_id, t.tier, CASE WHEN t.tier IS NOT NULL THEN p.last_at END
    FROM balances b JOIN crowd_people p USING (customer_id) CROSS JOIN LATERAL (
        SELECT CASE WHEN p.spent_minor / p.orders * least(p.orders, 6) >= 50000 THEN 'gold'
                    WHEN p.spent_minor / p.orders * least(p.orders, 6) >= 20000 THEN 'silver' END AS tier
        WHERE p.last_at > CAST(%(now)s AS timestamptz) - interval '365 days') t
    WHERE b.shop_id = %(shop)s
    """,
    """
    INSERT INTO tier_changes (shop_id, customer_id, effective_at, from_tier, to_tier, cause, reason, terms_version,
                              recorded_at)
    SELECT shop_id, customer_id, since, NULL, tier, 'counted', 'spent enough in the last 12 months', 1, since
    FROM member_tiers WHERE shop_id = %(shop)s AND tier IS NOT NULL ORDER BY since
    """,
)
# A twentieth as many referrals as customers: first orders of the last year. Most advocates bring one friend; the first
# of all brings a fiftieth of them.
REFERRALS = (
    """
    CREATE UNLOGGED TABLE crowd_friends AS
    SELECT row_number() OVER (ORDER BY f.at) AS n, f.*,
           CASE WHEN luck < 0.92 THEN 'approve' WHEN luck < 0.98 THEN 'review' ELSE 'decline' END AS band,
           1 + CAST(floor(random() ^ 3 * greatest(1, %(customers)s / 10)) AS bigint) AS advocate_id
    FROM (SELECT order_id, customer_id, at, goods_minor, random() AS luck FROM crowd_orders
          WHERE nth = 1 AND at > CAST(%(now)s AS timestamptz) - interval '365 days' AND customer_id > %(customers)s / 10
            AND order_id %% 200 <> 3 AND order_id %% 90 <> 5
          ORDER BY hashint8(order_id) LIMIT %(customers)s / 20) f
    """,
    """
    INSERT INTO referral_codes (shop_id, customer_id, code, created_at, name_key)
    SELECT %(shop)s, customer_id, upper(substr(md5(CAST(customer_id AS text)), 1, 12)), known_at, NULL
    FROM crowd_people WHERE customer_id <= %(customers)s / 10 OR customer_id %% 10 = 0 ORDER BY customer_id
    """,
    """
    INSERT INTO claims (shop_id, claim_id, advocate_id, friend_digest, code, claimed_at, ends_at, terms_version,
                        friend_id)
    OVERRIDING SYSTEM VALUE
    SELECT %(shop)s, n, advocate_id, decode(md5('friend' || n), 'hex'),
           'FRIEND-' || upper(substr(md5('f' || n), 1, 12)),
           at - interval '2 hours', at + interval '30 days', 1, customer_id FROM crowd_friends ORDER BY n
    """,
    """
    INSERT INTO attributions (shop_id, order_id, advocate_id, friend_id, claim_id, verdict, pay, source, why,
                              promised_points, placed_at, terms_version, decided_at)
    SELECT %(shop)s, order_id, advocate_id, customer_id, n, 'friend',
           CASE band WHEN 'approve' THEN 'owed' WHEN 'review' THEN 'review' ELSE 'declined' END, 'code', 'only', 50, at,
           1, at FROM crowd_friends ORDER BY n
    """,
    """
    INSERT INTO mentions (shop_id, order_id, source, advocate_id, claim_id, at)
    SELECT %(shop)s, order_id, 'code', advocate_id, n, at FROM crowd_friends
    """,
    """
    INSERT INTO happenings (shop_id, kind, order_id, customer_id, at)
    SELECT %(shop)s, 'referral', order_id, advocate_id, at FROM crowd_friends WHERE band = 'approve'
    """,
    """
    INSERT INTO screenings (shop_id, screening_id, advocate_id, claim_id, order_id, friend_id, person, channel,
                            began_at, found, score, band, weights_version)
    OVERRIDING SYSTEM VALUE
    SELECT %(shop)s, n, advocate_id, n, order_id, customer_id, decode(md5('person' || n), 'hex'),
           (ARRAY['', 'email', 'whatsapp', 'copy'])[1 + n %% 4], at - interval '2 hours',
           CAST(CASE band WHEN 'approve' THEN '{}' WHEN 'review' THEN '{"shared_address": 2, "network_week": 3}'
                ELSE '{"shared_device": 14, "aliased_email": 1}' END AS jsonb),
           CASE band WHEN 'approve' THEN 0 WHEN 'review' THEN 60 ELSE 160 END, band, 1
    FROM crowd_friends ORDER BY n
    """,
    """
    INSERT INTO screening_traces (shop_id, screening_id, kind, digest, seen_at)
    SELECT %(shop)s, n, kind, decode(md5(kind || CASE WHEN kind = 'email' OR band = 'approve' THEN n ELSE n / 200 END),
                                     'hex'), at - interval '2 hours'
    FROM crowd_friends, (VALUES ('email'), ('device'), ('network')) AS k(kind)
    """,
    """
    INSERT INTO rulings (shop_id, screening_id, ruling, note, ruled_by, ruled_at)
    SELECT %(shop)s, n, 'approve', 'They are neighbours.', 'staff 7', at FROM crowd_friends
    WHERE band = 'review' AND n %% 20 = 0
    """,
    """
    INSERT INTO advocate_counts (shop_id, advocate_id, day, channel, what, many)
    SELECT %(shop)s, advocate_id, CAST(at AS date), 'copy', what, count(*) * times
    FROM crowd_friends, (VALUES ('share', 1), ('click', 4)) AS w(what, times) GROUP BY 2, 3, 5, times
    """,
    """
    INSERT INTO invitation_counts (shop_id, day, channel, what, many)
    SELECT shop_id, day, channel, what, sum(many) FROM advocate_counts WHERE shop_id = %(shop)s GROUP BY 1, 2, 3, 4
    """,
    """
    INSERT INTO refused_claims (shop_id, advocate_id, friend_digest, reason, refused_at)
    SELECT %(shop)s, advocate_id, decode(md5('refused' || n), 'hex'), 'not_new', at FROM crowd_friends WHERE n %% 25 = 0
    """,
)
# Deliveries and effects of two months, and what people said and looked at.
TRAFFIC = (
    """
    INSERT INTO deliveries (shop_id, dedupe_key, topic, triggered_at, received_at, settled_at, parked_at, reason, body)
    SELECT %(shop)s, 'crowd-' || n, (ARRAY['orders/paid', 'orders/updated', 'customers/update'])[1 + n %% 3],
           at, at + interval '80 ms', CASE WHEN left_over > 300 THEN at + interval '300 ms' END,
           CASE WHEN left_over BETWEEN 151 AND 300 THEN at + interval '1 second' END,
           CASE WHEN left_over BETWEEN 151 AND 300 THEN 'line 3 has no price' END, ''
    FROM (SELECT n, CAST(%(now)s AS timestamptz)
                 - (%(customers)s / 3 - n) * interval '60 days' / greatest(1, %(customers)s / 3) AS at,
                 %(customers)s / 3 - n AS left_over
          FROM generate_series(1, %(customers)s / 3) n) d
    """,
    """
    INSERT INTO effects (shop_id, kind, key, body, wanted_at, due_at, pushed_at, parked_at, reason)
    SELECT %(shop)s, 'tags', 'stage:' || 6000000000 + customer_id,
           jsonb_build_object('customer_external_id', CAST(6000000000 + customer_id AS text), 'prefix', 'stage:',
                              'tags', ARRAY['stage:retained']),
           last_at, last_at, CASE WHEN customer_id %% 5000 NOT IN (1, 2) THEN last_at + interval '2 minutes' END,
           CASE WHEN customer_id %% 5000 = 2 THEN last_at END, CASE WHEN customer_id %% 5000 = 2 THEN 'not found' END
    FROM crowd_people WHERE last_at > CAST(%(now)s AS timestamptz) - interval '400 days' ORDER BY last_at
    """,
    """
    INSERT INTO checkouts (shop_id, token, customer_id, currency, total_minor, started_at, updated_at, active_at)
    SELECT %(shop)s, md5(CAST(customer_id AS text)), customer_id, 'USD', 4200, at, at, at
    FROM (SELECT customer_id, CAST(%(now)s AS timestamptz) - random() * interval '30 days' AS at FROM crowd_people
          WHERE customer_id %% 12 = 0) c
    """,
    """
    INSERT INTO surveys (shop_id, customer_id, order_id, kind, stage, asked_at, terms_version, answered_at, score,
                         grade, words)
    SELECT %(shop)s, customer_id, order_id, 'nps', 'acquired', at + interval '3 days', 1,
           CASE WHEN order_id %% 120 < 40 THEN at + interval '4 days' END,
           CASE WHEN order_id %% 120 < 40 THEN order_id %% 11 END,
           CASE WHEN order_id %% 120 < 40 THEN CASE WHEN order_id %% 11 > 8 THEN 'good'
                WHEN order_id %% 11 > 6 THEN 'middle' ELSE 'bad' END END,
           CASE WHEN order_id %% 120 < 40 THEN 'It came late.' END
    FROM crowd_orders WHERE order_id %% 40 = 0 ORDER BY order_id
    """,
    """
    INSERT INTO visit_counts (shop_id, day, page, arrival, visits, views)
    SELECT %(shop)s, CAST(CAST(%(now)s AS timestamptz) AS date) - d, page, arrival, 300, 700
    FROM generate_series(0, 365) d,
           unnest(ARRAY['home', 'product', 'collection']) page,
           unnest(ARRAY['search', 'direct', 'email', 'paid_social']) arrival
    """,
    """
    INSERT INTO marketing_spend (shop_id, month, arrival, spend_minor, said_at)
    SELECT %(shop)s, CAST(date_trunc('month', CAST(%(now)s AS timestamptz)) - m * interval '1 month' AS date), arrival,
           400000, CAST(%(now)s AS timestamptz)
    FROM generate_series(0, 12) m, unnest(ARRAY['paid_search', 'paid_social']) arrival
    """,
    """
    INSERT INTO customer_facts (shop_id, customer_external_id, fact, value, said_at)
    SELECT %(shop)s, CAST(6000000000 + customer_id AS text), 'consent:email', '"subscribed"', known_at
    FROM crowd_people WHERE customer_id %% 5 < 2
    """,
    """
    INSERT INTO notes (shop_id, noted_at, said)
    SELECT %(shop)s, CAST(%(now)s AS timestamptz) - n * interval '1 day', 'Webhooks in the store were made anew'
    FROM generate_series(1, 200) n
    """,
    """
    INSERT INTO reconciliations (shop_id, deep, since, started_at, finished_at, compared, orders_healed,
                                 customers_healed, orders_gone)
    SELECT %(shop)s, n %% 24 = 0, at - interval '1 hour', at, at, 400, 0, 0, 0
    FROM (SELECT n, CAST(%(now)s AS timestamptz) - n * interval '1 hour' AS at FROM generate_series(1, 700) n) r
    """,
)
