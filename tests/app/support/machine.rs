//! A machine with a master token, as it calls the management API.

use serde_json::Value;
use tessera::domain::{
    id::new_id, instance_access::InstanceAccess, master_tokens, token_access::TokenAccess,
};

use super::{Client, Company, Request, Response, TestApp};

/// Whoever holds an active master token of an organization.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) client: Client,
    pub(crate) credential: String,
    pub(crate) token_id: String,
    organization_id: String,
}

impl TestApp {
    /// A machine with a new token of this access.
    pub(crate) async fn machine(&self, company: &Company, access: TokenAccess) -> Machine {
        let name = format!("Machine that may {access} {}", self.now());
        let (token, credential) = self.master_token_for(company, &name, access, None).await;
        let (owner, token_id, now) = (company.clone(), token.id.clone(), self.now());
        self.write(move |tx| {
            let admin = owner.admin(tx)?;
            Ok(master_tokens::switch(tx, &admin, &token_id, true, now)?)
        })
        .await;
        Machine { client: self.client(), credential, token_id: token.id, organization_id: company.id.clone() }
    }
}

/// Whoever holds an active instance token.
#[derive(Clone)]
pub(crate) struct InstanceMachine {
    pub(crate) client: Client,
    pub(crate) credential: String,
    pub(crate) token_id: String,
    pub(crate) token_name: String,
}

impl TestApp {
    /// A machine with a new instance token of this access, which a new instance administrator made.
    pub(crate) async fn instance_machine(&self, access: InstanceAccess) -> InstanceMachine {
        let olga = self.user(&format!("Olga {}", new_id(self.now()))).await;
        self.appoint(&olga).await;
        let (token, credential) = self.instance_token(&olga, access).await;
        InstanceMachine { client: self.client(), credential, token_id: token.id, token_name: token.name }
    }
}

impl InstanceMachine {
    /// A request to any address, with the token.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let request = self.client.request(method, path).without_site();
        request.header("authorization", &format!("Bearer {}", self.credential))
    }

    /// Reads something of the instance: `get("plans")`.
    pub(crate) async fn get(&self, rest: &str) -> Response {
        self.request("GET", &format!("/api/v2/instance/{rest}")).send().await
    }

    /// Sends JSON to something of the instance.
    pub(crate) async fn send(&self, method: &str, rest: &str, body: Value) -> Response {
        let request = self.request(method, &format!("/api/v2/instance/{rest}"));
        request.body("application/json", body.to_string()).send().await
    }

    /// Whether a key is accepted, as it verifies that.
    pub(crate) async fn verify(&self, key: &str) -> Response {
        let body = serde_json::json!({ "key": key }).to_string();
        self.request("POST", "/api/v2/keys/verify").body("application/json", body).send().await
    }
}

impl Machine {
    /// An address in its organization: `url("keys")`.
    pub(crate) fn url(&self, rest: &str) -> String {
        let slash = if rest.is_empty() || rest.starts_with('?') { "" } else { "/" };
        format!("/api/v2/organizations/{}{slash}{rest}", self.organization_id)
    }

    /// A request to any address, with the token.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        let request = self.client.request(method, path).without_site();
        request.header("authorization", &format!("Bearer {}", self.credential))
    }

    /// Reads something in its organization.
    pub(crate) async fn get(&self, rest: &str) -> Response {
        self.request("GET", &self.url(rest)).send().await
    }

    /// Sends JSON to something in its organization.
    pub(crate) async fn send(&self, method: &str, rest: &str, body: Value) -> Response {
        self.request(method, &self.url(rest)).body("application/json", body.to_string()).send().await
    }

    /// Asks for something in its organization without a body.
    pub(crate) async fn ask(&self, method: &str, rest: &str) -> Response {
        self.request(method, &self.url(rest)).send().await
    }

    /// Everything in a list, read in parts of two.
    pub(crate) async fn whole_list(&self, rest: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let mark = if rest.contains('?') { '&' } else { '?' };
        loop {
            let part = self.get(&format!("{rest}{mark}limit=2{cursor}")).await.must_be(200).json();
            let data = part["data"].as_array().expect("a list");
            assert!(data.len() <= 2);
            items.extend(data.iter().cloned());
            match part["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break items,
            }
        }
    }
}
