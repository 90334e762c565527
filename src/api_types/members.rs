//! Members, and people who are asked to join.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::{InvitationStatus, InviteResult, MailState, Role};

/// A member of the organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The user ID.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The name.
    #[schema(example = "Dana Whitfield")]
    pub name: String,
    /// The email.
    #[schema(format = "email", example = "dana@lumen.example")]
    pub email: String,
    /// The role.
    pub role: Role,
    /// When they joined.
    #[schema(format = DateTime)]
    pub joined_at: String,
    /// When they were last active, accurate to a few minutes; null if never.
    #[schema(required = true, format = DateTime)]
    pub last_active_at: Option<String>,
}

/// Changes to a member. Omitted fields stay the same.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// The new role. A master token can’t add administrators, and only one with full access can add
    /// developers or change the role of administrators and developers.
    pub role: Option<Role>,
}

/// A pending or expired invitation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The ID.
    pub id: String,
    /// The invited email.
    #[schema(format = "email", example = "mara@lumen.example")]
    pub email: String,
    /// The role that they’ll have.
    pub role: Role,
    /// Whether the invitation can be accepted.
    pub status: InvitationStatus,
    /// The person or master token that invited them, by their name at that time.
    #[schema(example = "Dana Whitfield")]
    pub invited_by: String,
    /// When they were first invited.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the invitation was last sent.
    #[schema(format = DateTime)]
    pub sent_at: String,
    /// When the invitation expires: 7 days after it was last sent.
    #[schema(format = DateTime, example = "2026-11-30T10:00:00Z")]
    pub expires_at: String,
    /// The latest email; null once its state is no longer known.
    #[schema(required = true)]
    pub mail: Option<InvitationMail>,
}

/// An email and its state.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationMail {
    /// The state.
    pub state: MailState,
    /// Why the last attempt failed; null if it didn’t.
    #[schema(required = true)]
    pub error: Option<String>,
}

/// People to invite.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitations {
    /// The emails to invite.
    #[schema(min_items = 1, max_items = 500, example = json!(["mara@lumen.example", "jonas@lumen.example"]))]
    pub emails: Vec<String>,
    /// The role that they’ll have. A master token can’t invite administrators, and only one with full
    /// access can invite developers.
    pub role: Role,
}

/// The result for each email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationOutcomes {
    /// One result per email, in the order of the request.
    pub data: Vec<InvitationOutcome>,
}

/// The result for an email.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationOutcome {
    /// The email as it’s stored.
    #[schema(format = "email", example = "mara@lumen.example")]
    pub email: String,
    /// The result.
    pub outcome: InviteResult,
    /// The pending invitation; null if there’s none.
    #[schema(required = true)]
    pub invitation: Option<Invitation>,
}

/// A link to share directly.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// The link. It isn’t stored and can’t be retrieved again.
    #[schema(format = "uri", example = "https://keys.lumen.example/i/9fQ2…")]
    pub url: String,
    /// When the invitation expires.
    #[schema(format = DateTime, example = "2026-11-30T10:00:00Z")]
    pub expires_at: String,
}
