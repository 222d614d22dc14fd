//! AuthorizationPolicy: its action, provider and rules. Values of conditions have a file of their
//! own.

use propylon_model::AuthorizationPolicy;
use propylon_model::security::{
    AuthorizationAction, AuthorizationRule, AuthorizationSource, Operation,
};

use super::code;
use super::condition::{
    accounts, addresses, check_condition, paths, port_texts, trust_domains, values,
};
use super::report::{Findings, Place};
use super::selector::check_attachment;

/// Checks an AuthorizationPolicy as Istio's webhook does.
pub(super) fn check(out: &mut Findings<'_>, policy: &AuthorizationPolicy) {
    let AuthorizationPolicy { selector, target_ref, target_refs, rules, action, provider } = policy;
    let spec = Place::top("spec");
    check_attachment(out, &spec, selector.as_ref(), target_ref.as_ref(), target_refs);
    let custom = *action == AuthorizationAction::Custom;
    let never = matches!(action, AuthorizationAction::Custom | AuthorizationAction::Deny);
    if never && rules.is_empty() {
        out.error(
            code::AUTHORIZATION,
            &spec,
            format!("{} without rules matches no request, so it protects nothing", action.name()),
            "add `rules: [{}]` to match every request",
        );
    } else if custom && provider.as_ref().is_none_or(|provider| provider.name.is_empty()) {
        out.error(
            code::MISSING,
            &spec,
            "CUSTOM asks an external authorizer, but none is named",
            "add `provider: {name: ...}` with an extension provider of the mesh configuration",
        );
    }
    if provider.is_some() && !custom {
        out.error(
            code::CONFLICT,
            &spec.key("provider"),
            format!("{} asks no external authorizer, so `provider` contradicts it", action.name()),
            "write `action: CUSTOM`, or remove `provider`",
        );
    }
    let list = spec.key("rules");
    for (position, rule) in rules.iter().enumerate() {
        let here = list.index(position);
        check_rule(out, &here, rule);
        if custom {
            refuse_for_custom(out, &here, rule);
        }
        if *action == AuthorizationAction::Deny && denies_all_tcp(rule) {
            out.warning(
                code::AUTHORIZATION,
                &here,
                "the rule has HTTP conditions only, so on TCP ports it denies every connection",
                "add `ports:` to the operation",
            );
        }
    }
}

fn check_rule(out: &mut Findings<'_>, place: &Place<'_>, rule: &AuthorizationRule) {
    let AuthorizationRule { from, to, when } = rule;
    let list = place.key("from");
    for (position, entry) in from.iter().enumerate() {
        let here = list.index(position);
        match &entry.source {
            Some(source) => check_source(out, &here.key("source"), source),
            None => out.error(
                code::MISSING,
                &here,
                "the entry has no `source`, so it says nothing about who asks",
                "add `source:` with a condition, or remove the entry",
            ),
        }
    }
    let list = place.key("to");
    for (position, entry) in to.iter().enumerate() {
        let here = list.index(position);
        match &entry.operation {
            Some(operation) => check_operation(out, &here.key("operation"), operation),
            None => out.error(
                code::MISSING,
                &here,
                "the entry has no `operation`, so it says nothing about what is asked",
                "add `operation:` with a condition, or remove the entry",
            ),
        }
    }
    let list = place.key("when");
    for (position, condition) in when.iter().enumerate() {
        check_condition(out, &list.index(position), condition);
    }
}

fn check_source(out: &mut Findings<'_>, place: &Place<'_>, source: &AuthorizationSource) {
    let lists = source_lists(source);
    if lists.iter().all(|(_, list)| list.is_empty()) {
        return out.error(
            code::AUTHORIZATION,
            place,
            "the source is empty, so it would match everybody",
            "add a condition such as `namespaces`, or remove the entry",
        );
    }
    let accounts_too =
        !source.service_accounts.is_empty() || !source.not_service_accounts.is_empty();
    let others = ["principals", "notPrincipals", "namespaces", "notNamespaces"];
    let other = lists.iter().find(|(name, list)| others.contains(name) && !list.is_empty());
    if let Some((name, _)) = other.filter(|_| accounts_too) {
        out.error(
            code::CONFLICT,
            &place.key(name),
            format!("service accounts already name a namespace, so `{name}` contradicts them"),
            "keep one of them",
        );
    }
    for (name, list) in lists {
        let here = place.key(name);
        match name {
            "ipBlocks" | "notIpBlocks" | "remoteIpBlocks" | "notRemoteIpBlocks" => {
                addresses(out, &here, list);
            }
            "serviceAccounts" | "notServiceAccounts" => accounts(out, &here, list),
            "trustDomains" | "notTrustDomains" => trust_domains(out, &here, list),
            _ => values(out, &here, list),
        }
    }
}

/// All conditions of a source by name.
fn source_lists(source: &AuthorizationSource) -> [(&'static str, &[String]); 14] {
    let AuthorizationSource {
        principals,
        not_principals,
        request_principals,
        not_request_principals,
        namespaces,
        not_namespaces,
        service_accounts,
        not_service_accounts,
        trust_domains,
        not_trust_domains,
        ip_blocks,
        not_ip_blocks,
        remote_ip_blocks,
        not_remote_ip_blocks,
    } = source;
    [
        ("principals", principals),
        ("notPrincipals", not_principals),
        ("requestPrincipals", request_principals),
        ("notRequestPrincipals", not_request_principals),
        ("namespaces", namespaces),
        ("notNamespaces", not_namespaces),
        ("serviceAccounts", service_accounts),
        ("notServiceAccounts", not_service_accounts),
        ("trustDomains", trust_domains),
        ("notTrustDomains", not_trust_domains),
        ("ipBlocks", ip_blocks),
        ("notIpBlocks", not_ip_blocks),
        ("remoteIpBlocks", remote_ip_blocks),
        ("notRemoteIpBlocks", not_remote_ip_blocks),
    ]
}

fn check_operation(out: &mut Findings<'_>, place: &Place<'_>, operation: &Operation) {
    if *operation == Operation::default() {
        return out.error(
            code::AUTHORIZATION,
            place,
            "the operation is empty, so it would match every request",
            "add a condition such as `paths`, or remove the entry",
        );
    }
    let Operation {
        hosts,
        not_hosts,
        ports,
        not_ports,
        methods,
        not_methods,
        paths: positive,
        not_paths,
    } = operation;
    port_texts(out, &place.key("ports"), ports);
    port_texts(out, &place.key("notPorts"), not_ports);
    for (name, list) in [
        ("hosts", hosts),
        ("notHosts", not_hosts),
        ("methods", methods),
        ("notMethods", not_methods),
    ] {
        values(out, &place.key(name), list);
    }
    paths(out, &place.key("paths"), positive);
    paths(out, &place.key("notPaths"), not_paths);
}

/// External authorizers see the request only: identities of the connection cannot select them.
fn refuse_for_custom(out: &mut Findings<'_>, place: &Place<'_>, rule: &AuthorizationRule) {
    let usable = ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"];
    let list = place.key("from");
    for (position, entry) in rule.from.iter().enumerate() {
        let here = list.index(position);
        let Some(source) = &entry.source else { continue };
        let lists = source_lists(source);
        for (name, _) in lists.iter().filter(|(n, l)| !usable.contains(n) && !l.is_empty()) {
            out.error(
                code::UNSUPPORTED,
                &here.key("source").key(name),
                format!("`{name}` cannot select requests for an external authorizer"),
                "use ipBlocks, or conditions on the operation",
            );
        }
    }
    let list = place.key("when");
    for (position, condition) in rule.when.iter().enumerate() {
        let key = condition.key.as_str();
        let identity = ["source.namespace", "source.serviceAccount", "source.trustDomain"];
        let unusable = identity.contains(&key)
            || key == "source.principal"
            || key.starts_with("request.auth.");
        if unusable {
            out.error(
                code::UNSUPPORTED,
                &list.index(position).key("key"),
                format!("`{key}` cannot select requests for an external authorizer"),
                "use request.headers, source.ip or destination.port",
            );
        }
    }
}

/// True for a rule whose conditions all need HTTP: on TCP they are ignored, which widens a DENY.
fn denies_all_tcp(rule: &AuthorizationRule) -> bool {
    let sources: Vec<_> = rule.from.iter().filter_map(|entry| entry.source.as_ref()).collect();
    let operations: Vec<_> = rule.to.iter().filter_map(|entry| entry.operation.as_ref()).collect();
    let tcp_source = sources.iter().any(|source| {
        let http = ["requestPrincipals", "notRequestPrincipals", "trustDomains", "notTrustDomains"];
        source_lists(source).iter().any(|(name, list)| !http.contains(name) && !list.is_empty())
    });
    let tcp_operation = operations
        .iter()
        .any(|operation| !operation.ports.is_empty() || !operation.not_ports.is_empty());
    let only_from = !sources.is_empty() && operations.is_empty() && !tcp_source;
    only_from || !operations.is_empty() && !tcp_operation
}

#[cfg(test)]
mod tests;
