"""What loyalty does: settles orders into points, sells rewards for them, and reads the books."""

from loyalty.service.account import (
    Balance,
    BalanceThen,
    account,
    balance_at,
    earned,
    entries,
    explain,
    explain_order,
    pending,
    points_outstanding,
    shown_to_all,
    statement,
    unearned,
    unearned_of,
)
from loyalty.service.actions import (
    ActionUnknown,
    Deed,
    EarnedAlready,
    Heard,
    NotOnYourWord,
    celebrate,
    perform,
    perform_on_honour,
    tell_deeds,
    undo,
)
from loyalty.service.adjusting import (
    AdjustmentWrong,
    NotThatMany,
    adjust,
)
from loyalty.service.batches import (
    BatchApproved,
    BatchEmpty,
    BatchNotBooked,
    BatchPointsWrong,
    BatchPreview,
    BatchUnknown,
    BatchUnlabelled,
    RecountInTheWay,
    TooManyOrders,
    approve_batch,
    book_due,
    forget_batch,
    latest_batches,
    preview_batch,
    read_giving,
    read_recount,
    read_rewards,
    read_tagging,
    recall_batch,
)
from loyalty.service.buying import (
    Click,
    NotEnoughPoints,
    RewardLimit,
    RewardOfTier,
    RewardSoldOut,
    RewardUnknown,
    WrongSteps,
    redeem,
    redeem_all,
)
from loyalty.service.contests import (
    ContestRefused,
    NoSuchTicket,
    announce_contest,
    check_contest,
    contests,
    decide_due,
    scratch,
    tickets,
)
from loyalty.service.drafts import (
    DraftStale,
    DraftUnknown,
    DraftUnnamed,
    Kept,
    TooManyDrafts,
    draft_body,
    drafts,
    drop_draft,
    keep_draft,
    lay_anew,
    publish_draft,
)
from loyalty.service.earning import (
    Award,
    settle_awards,
    settle_orders,
)
from loyalty.service.expiry import (
    date_lots,
    expire_due,
    last_day,
    warn_expiring,
)
from loyalty.service.finance import (
    SPENDING,
    Liability,
    Month,
    journal,
    journal_bounds,
    liability,
    price,
    roll_forward,
)
from loyalty.service.giving import (
    Members,
    NotForGiving,
    ask_gift,
    gifts,
    give_due,
    give_points,
    give_reward,
    take_gift_back,
)
from loyalty.service.handing import TagUnreadable
from loyalty.service.imports import (
    ImportBooked,
    ImportNotBooked,
    ImportUnknown,
    ImportUnreadable,
    Preview,
    Reading,
    apply_import,
    forget_import,
    imports,
    preview_import,
    read_import,
    undo_import,
)
from loyalty.service.joining import (
    NotABirthday,
    birthday,
    join,
    leave,
    tell_birthday,
)
from loyalty.service.members import (
    ChoiceOver,
    ReasonMissing,
    Standing,
    TierUnknown,
    choices,
    end_choice,
    is_customer,
    set_tier,
    standing,
    tier_counts,
    tier_history,
    tier_keys,
)
from loyalty.service.merging import (
    merge,
)
from loyalty.service.newer import TermsMoved, unmoved
from loyalty.service.opening import (
    Trial,
    begun,
    opening_body,
    past,
    try_opening,
)
from loyalty.service.preview import (
    ExpiryPreview,
    TierSizes,
    TiersPreview,
    preview_expiry,
    preview_tiers,
)
from loyalty.service.program import (
    DOMAIN,
    TermsRefused,
    change,
    collections_named,
    current_terms,
    draft,
    example,
    first_terms,
    offer,
    publish,
    publish_segments,
    revise,
    sleeping_terms,
    withdraw,
)
from loyalty.service.proof import (
    Proof,
    Told,
    prove,
    verify,
)
from loyalty.service.redemptions import (
    NothingToHandOver,
    NothingToTakeBack,
    code_settled,
    credit_back_settled,
    credit_settled,
    gift_card_settled,
    hand_over_settled,
    handed_over,
    release_unused,
    take_back,
    to_hand_over,
)
from loyalty.service.simulation import (
    Outcome,
    Simulation,
    simulate,
)
from loyalty.service.telling import (
    tell_points,
)
from loyalty.service.tiers import (
    review_tiers,
    tier_of,
    tiers_at,
    walk_members,
)
from loyalty.service.traits import (
    TRAIT_SOURCES,
)

SUMMARIES = (SPENDING,)

__all__ = [
    "DOMAIN", "SUMMARIES", "TRAIT_SOURCES", "ActionUnknown", "AdjustmentWrong", "Award", "Balance", "BalanceThen",
    "BatchApproved", "BatchEmpty", "BatchNotBooked", "BatchPointsWrong", "BatchPreview", "BatchUnknown",
    "BatchUnlabelled", "ChoiceOver", "Click", "ContestRefused", "Deed", "DraftStale", "DraftUnknown", "DraftUnnamed",
    "EarnedAlready", "ExpiryPreview", "Heard", "ImportBooked", "ImportNotBooked", "ImportUnknown",
    "ImportUnreadable", "Kept", "Liability", "Members", "Month", "NoSuchTicket", "NotABirthday", "NotEnoughPoints",
    "NotForGiving", "NotOnYourWord", "NotThatMany", "NothingToHandOver", "NothingToTakeBack", "Outcome", "Preview",
    "Proof", "Reading", "ReasonMissing", "RecountInTheWay", "RewardLimit", "RewardOfTier", "RewardSoldOut",
    "RewardUnknown", "Simulation", "Standing", "TagUnreadable", "TermsMoved", "TermsRefused", "TierSizes",
    "TierUnknown", "TiersPreview", "Told", "TooManyDrafts", "TooManyOrders", "Trial", "WrongSteps", "account",
    "adjust", "announce_contest", "apply_import", "approve_batch", "ask_gift", "balance_at", "begun", "birthday",
    "book_due", "celebrate", "change", "check_contest", "choices", "code_settled", "collections_named", "contests",
    "credit_back_settled", "credit_settled", "current_terms", "date_lots", "decide_due", "draft", "draft_body",
    "drafts", "drop_draft", "earned", "end_choice", "entries", "example", "expire_due", "explain", "explain_order",
    "first_terms", "forget_batch", "forget_import", "gift_card_settled", "gifts", "give_due", "give_points",
    "give_reward", "hand_over_settled", "handed_over", "imports", "is_customer", "join", "journal", "journal_bounds",
    "keep_draft", "last_day", "latest_batches", "lay_anew", "leave", "liability", "merge", "offer", "opening_body",
    "past", "pending", "perform", "perform_on_honour", "points_outstanding", "preview_batch", "preview_expiry",
    "preview_import", "preview_tiers", "price", "prove", "publish", "publish_draft", "publish_segments",
    "read_giving", "read_import", "read_recount", "read_rewards", "read_tagging", "recall_batch", "redeem",
    "redeem_all", "release_unused", "review_tiers", "revise", "roll_forward", "scratch", "set_tier", "settle_awards",
    "settle_orders", "shown_to_all", "simulate", "sleeping_terms", "standing", "statement", "take_back",
    "take_gift_back", "tell_birthday", "tell_deeds", "tell_points", "tickets", "tier_counts", "tier_history",
    "tier_keys", "tier_of", "tiers_at", "to_hand_over", "try_opening", "undo", "undo_import", "unearned",
    "unearned_of", "unmoved", "verify", "walk_members", "warn_expiring", "withdraw",
]  # fmt: skip
