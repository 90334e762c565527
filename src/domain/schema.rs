//! Table definitions. Private to `domain`: nothing else can name a table.

diesel::table! {
    instance_secrets (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        name -> Text,
        password_hash -> Text,
        email_verified_at -> Nullable<Timestamp>,
        failed_log_ins -> Integer,
        last_active_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        search_key -> Text,
        deactivated_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    instance_administrators (user_id) {
        user_id -> Text,
        since -> Timestamp,
        appointed_by -> Text,
    }
}

diesel::table! {
    setup_links (node) {
        node -> Text,
        token_digest -> Binary,
        created_at -> Timestamp,
    }
}

diesel::table! {
    throttles (bucket) {
        bucket -> BigInt,
        failures -> Integer,
        counted_until -> BigInt,
        forget_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        token_digest -> Binary,
        user_id -> Nullable<Text>,
        state -> Text,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Timestamp,
        last_seen_at -> Timestamp,
    }
}

diesel::table! {
    email_links (id) {
        id -> Text,
        user_id -> Text,
        purpose -> Text,
        token_digest -> Binary,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    organizations (id) {
        id -> Text,
        name -> Text,
        created_at -> Timestamp,
        leak_policy -> Text,
        search_key -> Text,
        member_count -> BigInt,
        api_key_count -> BigInt,
        suspended_at -> Nullable<Timestamp>,
        suspension_reason -> Nullable<Text>,
        plan_id -> Nullable<Text>,
        removed_at -> Nullable<Timestamp>,
        removed_by -> Nullable<Text>,
        notes -> Nullable<Text>,
    }
}

diesel::table! {
    plans (id) {
        id -> Text,
        name -> Text,
        name_key -> Text,
        rate_limit -> Nullable<Text>,
        monthly_quota -> Nullable<BigInt>,
        max_active_keys -> Nullable<BigInt>,
        max_members -> Nullable<BigInt>,
        max_lifetime_days -> Nullable<Integer>,
        scopes -> Text,
        is_default -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    plan_overrides (organization_id) {
        organization_id -> Text,
        rate_limit -> Nullable<Text>,
        monthly_quota -> Nullable<BigInt>,
        max_active_keys -> Nullable<BigInt>,
        max_members -> Nullable<BigInt>,
        max_lifetime_days -> Nullable<Integer>,
        scopes -> Text,
        ends_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    quota_notices (owner_id, month, percent) {
        owner_id -> Text,
        month -> Timestamp,
        percent -> Integer,
        told_at -> Timestamp,
    }
}

diesel::table! {
    organization_usage (organization_id, begins_at, outcome) {
        organization_id -> Text,
        begins_at -> Timestamp,
        outcome -> Text,
        requests -> BigInt,
        units -> BigInt,
    }
}

diesel::table! {
    memberships (organization_id, user_id) {
        organization_id -> Text,
        user_id -> Text,
        role -> Text,
        joined_at -> Timestamp,
        member_key -> Text,
        organization_key -> Text,
    }
}

diesel::table! {
    removed_memberships (organization_id, user_id) {
        organization_id -> Text,
        user_id -> Text,
        role -> Text,
        joined_at -> Timestamp,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        organization_id -> Text,
        email -> Text,
        role -> Text,
        invited_by_id -> Nullable<Text>,
        invited_by_name -> Text,
        invited_by_email -> Text,
        created_at -> Timestamp,
        sent_at -> Timestamp,
        expires_at -> Timestamp,
        outcome -> Nullable<Text>,
        closed_at -> Nullable<Timestamp>,
        renewal_asked_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    instance_tokens (id) {
        id -> Text,
        name -> Text,
        name_key -> Text,
        masked -> Text,
        secret_digest -> Binary,
        access -> Text,
        active -> Bool,
        created_by -> Text,
        created_at -> Timestamp,
        replaced_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        last_used_ip -> Nullable<Text>,
    }
}

diesel::table! {
    invitation_secrets (token_digest) {
        token_digest -> Binary,
        invitation_id -> Text,
        kind -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        masked -> Text,
        secret_digest -> Binary,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        deactivated_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        description -> Nullable<Text>,
        scopes -> Text,
        networks -> Text,
        rate_limit -> Nullable<Text>,
        monthly_quota -> Nullable<BigInt>,
        metadata -> Nullable<Text>,
        expiry_set_at -> Nullable<Timestamp>,
        paused_until -> Nullable<Timestamp>,
        search_key -> Text,
        expires_order -> Timestamp,
        last_used_order -> Timestamp,
        environment -> Text,
        restored_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    removed_keys (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        search_key -> Text,
        masked -> Text,
        secret_digest -> Binary,
        created_by -> Text,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        expiry_set_at -> Nullable<Timestamp>,
        deactivated_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        description -> Nullable<Text>,
        scopes -> Text,
        networks -> Text,
        rate_limit -> Nullable<Text>,
        monthly_quota -> Nullable<BigInt>,
        metadata -> Nullable<Text>,
        environment -> Text,
        removed_at -> Timestamp,
        removed_by -> Text,
    }
}

diesel::table! {
    imported_keys (api_key_id) {
        api_key_id -> Text,
        source -> Text,
        imported_at -> Timestamp,
        scheme -> Text,
        look_up -> Binary,
        verifier -> Nullable<Text>,
        stand_in -> Nullable<Binary>,
    }
}

diesel::table! {
    key_rotations (api_key_id) {
        api_key_id -> Text,
        previous_digest -> Binary,
        grace_period -> Text,
        starts -> Text,
        rotated_at -> Timestamp,
        first_used_at -> Nullable<Timestamp>,
        previous_last_used_at -> Nullable<Timestamp>,
        previous_expires_at -> Nullable<Timestamp>,
        previous_masked -> Nullable<Text>,
    }
}

diesel::table! {
    master_tokens (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        masked -> Text,
        secret_digest -> Binary,
        active -> Bool,
        created_by -> Text,
        created_at -> Timestamp,
        replaced_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
        access -> Text,
        expires_at -> Nullable<Timestamp>,
        last_used_ip -> Nullable<Text>,
    }
}

diesel::table! {
    audit_events (id) {
        id -> Text,
        organization_id -> Nullable<Text>,
        actor_kind -> Text,
        actor_id -> Nullable<Text>,
        actor_name -> Text,
        action -> Text,
        subject_id -> Nullable<Text>,
        subject_name -> Text,
        search_text -> Nullable<Text>,
        ip -> Nullable<Text>,
        created_at -> Timestamp,
        details -> Nullable<Text>,
        search_key -> Text,
        area -> Text,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        invitation_id -> Nullable<Text>,
        recipient -> Text,
        message -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        organization_id -> Nullable<Text>,
        class -> Text,
        quiet_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    budget_uses (id) {
        id -> Text,
        budget -> Text,
        spender -> Text,
        amount -> BigInt,
        used_at -> Timestamp,
    }
}

diesel::table! {
    maintenance (id) {
        id -> Text,
        message -> Nullable<Text>,
        began_at -> Timestamp,
        ends_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    leases (name) {
        name -> Text,
        holder -> Text,
        ends_at -> Timestamp,
    }
}

diesel::table! {
    idempotency_claims (owner_id, key_digest) {
        owner_id -> Text,
        key_digest -> Binary,
        fingerprint -> Binary,
        holder -> Text,
        ends_at -> Timestamp,
    }
}

diesel::table! {
    stops (event_id) {
        event_id -> Text,
        spread -> Nullable<Text>,
    }
}

diesel::table! {
    changes (number) {
        number -> BigInt,
        kind -> Text,
        subject -> Text,
        node_id -> Text,
        made_at -> Timestamp,
    }
}

diesel::table! {
    nodes (id) {
        id -> Text,
        name -> Text,
        version -> Text,
        position -> BigInt,
        started_at -> Timestamp,
        seen_at -> Timestamp,
    }
}

diesel::table! {
    quota_portions (owner_id, node_id) {
        owner_id -> Text,
        node_id -> Text,
        units -> BigInt,
        ends_at -> Timestamp,
    }
}

diesel::table! {
    readings (node_id, position) {
        node_id -> Text,
        position -> BigInt,
        read_at -> Timestamp,
    }
}

diesel::table! {
    spent_forms (id) {
        id -> Text,
        spent_at -> Timestamp,
    }
}

diesel::table! {
    key_usage (api_key_id, span, begins_at, outcome) {
        api_key_id -> Text,
        span -> Text,
        begins_at -> Timestamp,
        outcome -> Text,
        requests -> BigInt,
        units -> BigInt,
    }
}

diesel::table! {
    key_clients (api_key_id, address, user_agent) {
        api_key_id -> Text,
        address -> Text,
        user_agent -> Text,
        requests -> BigInt,
        last_seen_at -> Timestamp,
    }
}

diesel::table! {
    token_usage (master_token_id, begins_at) {
        master_token_id -> Text,
        begins_at -> Timestamp,
        requests -> BigInt,
    }
}

diesel::table! {
    expiry_notices (api_key_id, expires_at, days_before) {
        api_key_id -> Text,
        expires_at -> Timestamp,
        days_before -> Integer,
        sent_at -> Timestamp,
    }
}

diesel::table! {
    expiry_rounds (organization_id) {
        organization_id -> Text,
        mailed_at -> Timestamp,
        is_done -> Bool,
    }
}

diesel::table! {
    calendar_links (organization_id) {
        organization_id -> Text,
        token_digest -> Binary,
        created_by -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    search_terms (scope, list, term, row_id) {
        scope -> Text,
        list -> Text,
        term -> Text,
        row_id -> Text,
    }
}

diesel::table! {
    leak_reports (id) {
        id -> Text,
        organization_id -> Text,
        api_key_id -> Nullable<Text>,
        master_token_id -> Nullable<Text>,
        secret_digest -> Binary,
        url -> Text,
        source -> Text,
        reported_at -> Timestamp,
        told_at -> Nullable<Timestamp>,
        masked -> Nullable<Text>,
    }
}

diesel::table! {
    rejections (id) {
        id -> Text,
        request_id -> Text,
        place -> Integer,
        endpoint -> Text,
        organization_id -> Nullable<Text>,
        api_key_id -> Nullable<Text>,
        code -> Text,
        presented -> Nullable<Text>,
        needed_scopes -> Text,
        client_address -> Nullable<Text>,
        cost -> Integer,
        allowed -> Text,
        retry_after_seconds -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    webhooks (id) {
        id -> Text,
        organization_id -> Text,
        url -> Text,
        description -> Nullable<Text>,
        events -> Text,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_secret_until -> Nullable<Timestamp>,
        disabled_at -> Nullable<Timestamp>,
        disabled_because -> Nullable<Text>,
        failing_since -> Nullable<Timestamp>,
        created_by -> Text,
        created_at -> Timestamp,
        not_before -> Nullable<Timestamp>,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Text,
        webhook_id -> Text,
        event -> Text,
        payload -> Text,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> Timestamp,
        last_attempt_at -> Nullable<Timestamp>,
        last_status -> Nullable<Integer>,
        last_error -> Nullable<Text>,
        response -> Nullable<Text>,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    idempotent_responses (owner_id, key_digest) {
        owner_id -> Text,
        key_digest -> Binary,
        fingerprint -> Binary,
        response -> Binary,
        created_at -> Timestamp,
    }
}

diesel::joinable!(calendar_links -> organizations (organization_id));
diesel::joinable!(key_clients -> api_keys (api_key_id));
diesel::joinable!(imported_keys -> api_keys (api_key_id));
diesel::joinable!(key_rotations -> api_keys (api_key_id));
diesel::joinable!(key_usage -> api_keys (api_key_id));
diesel::joinable!(memberships -> organizations (organization_id));
diesel::joinable!(removed_memberships -> organizations (organization_id));
diesel::joinable!(memberships -> users (user_id));
diesel::joinable!(email_links -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(instance_administrators -> users (user_id));
diesel::joinable!(invitations -> organizations (organization_id));
diesel::joinable!(invitation_secrets -> invitations (invitation_id));
diesel::joinable!(api_keys -> organizations (organization_id));
diesel::joinable!(master_tokens -> organizations (organization_id));
diesel::joinable!(token_usage -> master_tokens (master_token_id));
diesel::joinable!(outbox -> invitations (invitation_id));
diesel::joinable!(webhook_deliveries -> webhooks (webhook_id));
diesel::joinable!(webhooks -> organizations (organization_id));

diesel::allow_columns_to_appear_in_same_group_by_clause!(api_keys::organization_id, key_usage::begins_at);

diesel::allow_tables_to_appear_in_same_query!(
    instance_secrets,
    instance_administrators,
    users,
    sessions,
    email_links,
    organizations,
    plans,
    plan_overrides,
    organization_usage,
    memberships,
    invitations,
    invitation_secrets,
    api_keys,
    removed_keys,
    removed_memberships,
    imported_keys,
    key_rotations,
    master_tokens,
    audit_events,
    stops,
    outbox,
    budget_uses,
    spent_forms,
    key_usage,
    key_clients,
    token_usage,
    expiry_notices,
    expiry_rounds,
    calendar_links,
    leak_reports,
    idempotent_responses,
    rejections,
    search_terms,
    webhooks,
    webhook_deliveries,
);
