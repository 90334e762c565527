//! What a master token proves, and that no proof of one reaches master tokens.

use std::sync::Arc;

use tessera::{
    clock::Timestamp,
    db::Tx,
    domain::{
        access::{self, AccessError, Admin, Role},
        forms::FormId,
        master_tokens::{self, GenerateError, MasterToken, NewToken, TokenError},
        members::{self, MemberError},
        names::Name,
        organizations::Organization,
        token_access::TokenAccess::{self, Full, Keys, Members, Verify},
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
                Ok(master_tokens::activate(tx, &admin, &id, now)?)
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
        work: impl FnOnce(&mut Tx<'_>, &Admin<Organization>, &str, Timestamp) -> T + Send + 'static,
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
async fn a_proof_is_for_the_tokens_own_organization_and_what_it_may_do() {
    for held in TokenAccess::ALL {
        let ground = Ground::new(held, None).await;
        let known = ground.known().await.expect("an active token");
        for needed in TokenAccess::ALL {
            let proof = access::token_member(&known, None, &ground.lumen.id, needed);
            match proof {
                Ok(proof) => {
                    assert!(held.covers(needed), "{held} for {needed}");
                    let alone = needed == Members && held == Members;
                    let role = if alone { Role::Supervisor } else { Role::Administrator };
                    assert_eq!((proof.role(), proof.actor().kind()), (role, "master_token"));
                    assert_eq!(proof.actor().id(), Some(ground.token.id.as_str()));
                }
                Err(AccessError::Insufficient { needed: told }) => {
                    assert!(!held.covers(needed) && told == needed, "{held} for {needed}");
                }
                Err(other) => panic!("{held} for {needed}: {other:?}"),
            }
            let elsewhere =
                access::token_member(&known, None, "01900000-0000-7000-8000-000000000000", needed);
            assert!(matches!(elsewhere, Err(AccessError::NotFound)), "{elsewhere:?}");
        }
    }
}

#[tokio::test]
async fn no_token_reaches_master_tokens_whatever_it_may_do() {
    let ground = Ground::new(Full, None).await;
    let known = ground.known().await.expect("an active token");
    let (lumen, id, now) = (ground.lumen.id.clone(), ground.token.id.clone(), ground.app.now());
    ground
        .app
        .write(move |tx| {
            let admin = access::token_member(&known, None, &lumen, Full)?.admin()?;
            let new = NewToken { name: Name::parse("Heir", 60)?, access: Verify, expires_at: None };
            let generated = master_tokens::generate(tx, &admin, &new, &FormId::new(now), now);
            assert!(matches!(generated, Err(GenerateError::OnlyPeople(_))), "{generated:?}");
            for result in [
                master_tokens::activate(tx, &admin, &id, now),
                master_tokens::deactivate(tx, &admin, &id, now),
                master_tokens::replace(tx, &admin, &id, &FormId::new(now), now).map(|(token, _)| token),
                master_tokens::remove(tx, &admin, &id, now),
            ] {
                assert!(matches!(result, Err(TokenError::OnlyPeople(_))), "{result:?}");
            }
            Ok(())
        })
        .await;
    let names = ground.app.query("SELECT name AS text FROM master_tokens").await;
    assert_eq!(names, ["Machine"]);
    assert!(ground.known().await.is_some(), "and it goes on as before");
}

#[tokio::test]
async fn a_members_token_neither_makes_nor_touches_an_administrator() {
    let ground = Ground::new(Members, None).await;
    let other = ground.app.member(&ground.lumen, Role::Administrator, "Ada Admin").await;
    let user = ground.app.member(&ground.lumen, Role::User, "Una User").await;
    let known = ground.known().await.expect("an active token");
    let (lumen, user_id, now) = (ground.lumen.id.clone(), user.id.clone(), ground.app.now());
    ground
        .app
        .write(move |tx| {
            let supervisor = access::token_member(&known, None, &lumen, Members)?.supervisor()?;
            let removed = members::remove(tx, &supervisor, &other.id, now);
            assert!(matches!(removed, Err(MemberError::AboveYou)), "{removed:?}");
            let raised = members::change_role(tx, &supervisor, &user_id, Role::Administrator, now);
            assert!(matches!(raised, Err(MemberError::AboveYou)), "{raised:?}");
            members::change_role(tx, &supervisor, &user_id, Role::Supervisor, now)?;
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
    let activated = ground.by_a_person(master_tokens::activate).await;
    assert!(matches!(&activated, Err(TokenError::Expired)), "{activated:?}");
    let replaced = ground
        .by_a_person(|tx, admin, id, now| master_tokens::replace(tx, admin, id, &FormId::new(now), now))
        .await;
    assert!(matches!(&replaced, Err(TokenError::Expired)), "{replaced:?}");
    assert!(ground.known().await.is_none());
}
