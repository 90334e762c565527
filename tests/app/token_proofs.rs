//! What a master token proves, and that no proof of one reaches master tokens.

use std::sync::Arc;

use tessera::{
    clock::Timestamp,
    config::InstanceRules,
    db::Tx,
    domain::{
        access::{
            AccessError, Capability, Govern, Grant, ManageKeys, ManageMembers, ManageTokens, Role, SeeKeys,
            Standing,
        },
        managed::ManageError,
        master_tokens::{self, MasterToken},
        member_changes,
        members::MemberError,
        token_access::TokenAccess::{self, Full, Keys, Members, Read, Verify},
        verification::KnownToken,
    },
};
use time::Duration;

use crate::support::{Company, TestApp};

/// Lumen with an active token of one access.
struct Ground {
    app: TestApp,
    lumen: Company,
    token: MasterToken,
    secret: String,
}

impl Ground {
    async fn new(access: TokenAccess, lifetime: Option<Duration>) -> Self {
        let app = TestApp::spawn().await;
        let expires_at = lifetime.map(|lifetime| app.now() + lifetime);
        let lumen = app.lumen().await;
        let (token, secret) = app.master_token_for(&lumen, "Machine", access, expires_at).await;
        let ground = Self { app, lumen, token, secret };
        let (company, id, now) = (ground.lumen.clone(), ground.token.id.clone(), ground.app.now());
        ground
            .app
            .write(move |tx| {
                let admin = company.admin(tx)?;
                Ok(master_tokens::switch(tx, &admin, &id, true, now)?)
            })
            .await;
        ground
    }

    async fn known(&self) -> Option<Arc<KnownToken>> {
        self.app.state.verifier.authenticate(&self.secret, self.app.now()).await.expect("an answer")
    }

    /// Does something as a person who is an administrator.
    async fn by_a_person<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>, &Grant<ManageTokens>, &str, Timestamp) -> T + Send + 'static,
    ) -> T {
        let (company, id, now) = (self.lumen.clone(), self.token.id.clone(), self.app.now());
        self.app
            .write(move |tx| {
                let admin = company.admin(tx)?;
                Ok(work(tx, &admin, &id, now))
            })
            .await
    }
}

#[tokio::test]
async fn a_token_gets_the_grants_of_its_access_in_its_own_organization() {
    fn told<C: Capability>(standing: &Standing) -> Result<(), Option<TokenAccess>> {
        match standing.grant::<C>() {
            Ok(_) => Ok(()),
            Err(AccessError::Insufficient { needed }) => Err(needed),
            Err(other) => panic!("{other:?}"),
        }
    }
    for held in TokenAccess::ALL {
        let ground = Ground::new(held, None).await;
        let standing = ground.known().await.expect("an active token").standing(None);
        assert_eq!(standing.id, ground.lumen.id);
        let reach: &[Role] = match held {
            Full => &Role::ALL,
            Members => &[Role::Supervisor, Role::User],
            Verify | Read | Keys => &[],
        };
        assert_eq!((standing.reach(), standing.actor().kind()), (reach, "master_token"));
        assert_eq!(standing.actor().id(), Some(ground.token.id.as_str()));
        for (needed, told) in [
            (Read, told::<SeeKeys>(&standing)),
            (Keys, told::<ManageKeys>(&standing)),
            (Members, told::<ManageMembers>(&standing)),
            (Full, told::<Govern>(&standing)),
        ] {
            let expected = if held.covers(needed) { Ok(()) } else { Err(Some(needed)) };
            assert_eq!(told, expected, "{held} for {needed}");
        }
        assert_eq!(told::<ManageTokens>(&standing), Err(None), "no token reaches master tokens");
    }
}

#[tokio::test]
async fn a_members_token_neither_makes_nor_touches_an_administrator_or_developer() {
    let ground = Ground::new(Members, None).await;
    let ada = ground.app.member(&ground.lumen, Role::Administrator, "Ada Admin").await;
    let dev = ground.app.member(&ground.lumen, Role::Developer, "Dev Developer").await;
    let user = ground.app.member(&ground.lumen, Role::User, "Una User").await;
    let known = ground.known().await.expect("an active token");
    let (user_id, now) = (user.id.clone(), ground.app.now());
    ground
        .app
        .write(move |tx| {
            let grant = known.standing(None).grant::<ManageMembers>()?;
            for other in [&ada, &dev] {
                let removed = member_changes::remove(tx, &grant, &other.id, now);
                assert!(matches!(removed, Err(MemberError::AboveYou)), "{removed:?}");
                let lowered = member_changes::change_role(tx, &grant, &other.id, Role::User, now);
                assert!(matches!(lowered, Err(MemberError::AboveYou)), "{lowered:?}");
            }
            for role in [Role::Administrator, Role::Developer] {
                let raised = member_changes::change_role(tx, &grant, &user_id, role, now);
                assert!(matches!(raised, Err(MemberError::AboveYou)), "{raised:?}");
            }
            member_changes::change_role(tx, &grant, &user_id, Role::Supervisor, now)?;
            Ok(())
        })
        .await;
    assert_eq!(ground.app.role_of(&ground.lumen, &user).await, Some(Role::Supervisor));
}

#[tokio::test]
async fn an_end_holds_for_a_token_in_memory_and_cannot_be_undone() {
    let ground = Ground::new(Keys, Some(Duration::days(7))).await;
    assert!(ground.known().await.is_some());
    ground.app.clock.advance(Duration::days(7) - Duration::seconds(1));
    assert!(ground.known().await.is_some(), "to the last second");
    ground.app.clock.advance(Duration::seconds(1));
    assert!(ground.known().await.is_none(), "from memory");
    let activated =
        ground.by_a_person(|tx, admin, id, now| master_tokens::switch(tx, admin, id, true, now)).await;
    assert!(matches!(&activated, Err(ManageError::State(_))), "{activated:?}");
    let replaced = ground
        .by_a_person(|tx, admin, id, now| {
            master_tokens::replace(tx, admin, id, &InstanceRules::default(), now)
        })
        .await;
    assert!(matches!(&replaced, Err(ManageError::State(_))), "{replaced:?}");
    assert!(ground.known().await.is_none());
}
