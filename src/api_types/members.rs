//! Members, and people who are asked to join.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vocabulary::{InvitationStatus, InviteResult, MailState, Role};

/// A person in the organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The account's id.
    #[schema(example = "019a8f3e-7b1c-7d2e-9f40-5a6b7c8d9e0f")]
    pub id: String,
    /// The person's name.
    #[schema(example = "Dana Whitfield")]
    pub name: String,
    /// The person's address.
    #[schema(format = "email", example = "dana@lumen.example")]
    pub email: String,
    /// What the person may do.
    pub role: Role,
    /// When the person joined.
    #[schema(format = DateTime)]
    pub joined_at: String,
    /// When the person was last seen, exact to some minutes; null for never.
    #[schema(required = true, format = DateTime)]
    pub last_active_at: Option<String>,
}

/// What to change of a member; what is left out stays.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// The new role. A token that is for members alone neither makes nor changes administrators.
    pub role: Option<Role>,
}

/// An invitation that waits for its answer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The id.
    pub id: String,
    /// The invited address.
    #[schema(format = "email", example = "mara@lumen.example")]
    pub email: String,
    /// What the person will be.
    pub role: Role,
    /// Whether it can be accepted.
    pub status: InvitationStatus,
    /// Who invited, by name at that time: a person or a master token.
    #[schema(example = "Dana Whitfield")]
    pub invited_by: String,
    /// When the person was first invited.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last sent.
    #[schema(format = DateTime)]
    pub sent_at: String,
    /// When it ends, seven days after it was last sent.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// What became of its newest mail; null once that is not known any more.
    #[schema(required = true)]
    pub mail: Option<InvitationMail>,
}

/// A mail on its way.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationMail {
    /// Where it is.
    pub state: MailState,
    /// Why the last attempt failed; null if it did not.
    #[schema(required = true)]
    pub error: Option<String>,
}

/// Whom to invite.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitations {
    /// The addresses.
    #[schema(min_items = 1, max_items = 500, example = json!(["mara@lumen.example", "jonas@lumen.example"]))]
    pub emails: Vec<String>,
    /// What they will be. A token that is for members alone invites no administrators.
    pub role: Role,
}

/// What became of each address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationOutcomes {
    /// One for each address, in the order in which they were sent.
    pub data: Vec<InvitationOutcome>,
}

/// What became of one address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationOutcome {
    /// The address in the form in which it is kept.
    #[schema(format = "email", example = "mara@lumen.example")]
    pub email: String,
    /// What was done.
    pub outcome: InviteResult,
    /// The invitation that the person has now; null for a member.
    #[schema(required = true)]
    pub invitation: Option<Invitation>,
}

/// A link to pass on by other ways than mail.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// The link. Only its digest is kept, so it cannot be told again.
    #[schema(format = "uri", example = "https://keys.lumen.example/i/9fQ2…")]
    pub url: String,
    /// When the invitation ends.
    #[schema(format = DateTime)]
    pub expires_at: String,
}
