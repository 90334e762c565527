//! What another role changes for somebody, in words.

use crate::{
    domain::{
        access::{Govern, ManageKeys, ManageMembers, ManageTokens, Role},
        invitations::Invitation,
    },
    web::display,
};

/// What changes for somebody who has the role `from` and `sent` these pending invitations, if they get
/// the role `to`.
pub(super) fn words(from: Role, to: Role, sent: &[Invitation]) -> String {
    if from == to {
        return format!("Current role. Can {}.", to.abilities());
    }
    let (gained, lost) = (beyond(to, from), beyond(from, to));
    let mut sentences = Vec::new();
    if !gained.is_empty() {
        sentences.push(format!("Can also manage {}.", display::list(&gained)));
    }
    if !lost.is_empty() {
        sentences.push(format!("Can no longer manage {}.", display::list(&lost)));
    }
    match sent.iter().filter(|invitation| !to.reach().contains(&invitation.role)).count() {
        0 => {}
        1 => sentences.push("1 pending invitation they sent will be canceled.".to_owned()),
        number => sentences.push(format!("{number} pending invitations they sent will be canceled.")),
    }
    sentences.join(" ")
}

/// What one role manages and the other does not.
fn beyond(one: Role, other: Role) -> Vec<&'static str> {
    let is_beyond = |may: fn(Role) -> bool| may(one) && !may(other);
    let mut managed = Vec::new();
    if is_beyond(Role::may::<ManageMembers>) {
        managed.push("members");
    } else if is_beyond(|role| role.reach().contains(&Role::Administrator)) {
        managed.push("administrators and developers");
    }
    if is_beyond(Role::may::<ManageKeys>) {
        managed.push("API keys");
    }
    if is_beyond(Role::may::<ManageTokens>) {
        managed.push("master tokens");
    }
    if is_beyond(Role::may::<Govern>) {
        managed.push("settings");
    }
    managed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_role_is_told_by_what_it_adds_and_takes() {
        use Role::{Administrator, Developer, Supervisor, User};
        for (from, to, told) in [
            (User, User, "Current role. Can view members."),
            (User, Developer, "Can also manage API keys."),
            (Developer, User, "Can no longer manage API keys."),
            (Developer, Supervisor, "Can also manage members. Can no longer manage API keys."),
            (Supervisor, Developer, "Can also manage API keys. Can no longer manage members."),
            (
                Supervisor,
                Administrator,
                "Can also manage administrators and developers, API keys, master tokens and settings.",
            ),
            (Administrator, Developer, "Can no longer manage members, master tokens and settings."),
        ] {
            assert_eq!(words(from, to, &[]), told, "{from} to {to}");
        }
    }
}
