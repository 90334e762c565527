//! How a verification ends.

/// How a verification of a known key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted.
    Valid,
    /// Its end had passed.
    Expired,
    /// It was switched off.
    Deactivated,
    /// It came from elsewhere than it may, or from nobody knows where.
    ForbiddenIp,
    /// It has not every scope that was needed.
    InsufficientScope,
    /// It came too often.
    RateLimited,
    /// Its month's quota was spent.
    QuotaExceeded,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Valid,
        Self::Expired,
        Self::Deactivated,
        Self::ForbiddenIp,
        Self::InsufficientScope,
        Self::RateLimited,
        Self::QuotaExceeded,
    ];

    /// The word in the database and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Deactivated => "deactivated",
            Self::ForbiddenIp => "forbidden_ip",
            Self::InsufficientScope => "insufficient_scope",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
        }
    }
}
