//! Security policies that select this gateway. None is enforced yet, so their presence closes it
//! unless the operator says otherwise: protection that was asked for is never left out silently.

use propylon_model::security::AuthorizationAction;
use propylon_model::selector::{TargetRef, WorkloadSelector};
use propylon_model::{FieldPath, Object, Problem, Severity};

use crate::problems::{Problems, code};
use crate::selection::{in_order, selects};
use crate::view::View;

/// An annotation that turns enforcement into statistics.
const DRY_RUN: &str = "istio.io/dry-run";

/// True if some policy that selects this gateway must close it. Reports each.
pub(crate) fn closes(view: &View<'_>, problems: &mut Problems) -> bool {
    let mut closed = false;
    for object in in_order(&view.world.authorization_policies) {
        let policy = &object.spec;
        let attached = Attachment {
            selector: policy.selector.as_ref(),
            targets: policy.target_ref.iter().chain(&policy.target_refs).collect(),
        };
        if !attached.reaches(view, &object.meta.key.namespace) {
            continue;
        }
        let dry_run = object.meta.annotations.get(DRY_RUN).is_some_and(|value| value == "true");
        if dry_run || policy.action == AuthorizationAction::Audit {
            let message = "this policy only records, and recording is not yet in effect";
            problems.warning(code::NOT_IN_EFFECT, object, FieldPath::spec(), message);
        } else {
            report(object, view, problems);
            closed = true;
        }
    }
    for object in in_order(&view.world.request_authentications) {
        let policy = &object.spec;
        let attached = Attachment {
            selector: policy.selector.as_ref(),
            targets: policy.target_ref.iter().chain(&policy.target_refs).collect(),
        };
        if attached.reaches(view, &object.meta.key.namespace) && !policy.jwt_rules.is_empty() {
            report(object, view, problems);
            closed = true;
        }
    }
    closed && !view.options.allow_unenforced_policies
}

/// What a policy is attached to.
struct Attachment<'w> {
    selector: Option<&'w WorkloadSelector>,
    targets: Vec<&'w TargetRef>,
}

impl Attachment<'_> {
    /// True if it reaches this gateway: from the root namespace or the gateway's own, by selector,
    /// by naming a Gateway, or by naming nothing.
    fn reaches(&self, view: &View<'_>, namespace: &str) -> bool {
        let own = namespace == view.namespace();
        if !self.targets.is_empty() {
            return own && self.targets.iter().any(|target| target.kind == "Gateway");
        }
        let labels = &view.options.labels;
        let selected = self.selector.is_none_or(|one| selects(&one.match_labels, labels));
        (own || namespace == view.mesh.root_namespace()) && selected
    }
}

fn report<S>(object: &Object<S>, view: &View<'_>, problems: &mut Problems) {
    let what = format!("{} is not yet enforced", object.meta.key.kind);
    let (severity, message) = if view.options.allow_unenforced_policies {
        let message = format!("{what}: requests pass as if it did not exist");
        (Severity::Warning, message)
    } else {
        let message = format!("{what}, and it selects this gateway: every request is answered 403");
        (Severity::Error, message)
    };
    let problem = Problem::of(severity, code::UNENFORCED, object, FieldPath::root(), message);
    problems.push(problem.help(
        "remove it from this gateway's configuration, or serve without it by \
         --allow-unenforced-policies",
    ));
}
