"""GitHub's event types: how a body of each is told from all others, what it is about, and when it happened.

Subjects and times: CloudEvents' adapter,
https://github.com/cloudevents/spec/blob/main/cloudevents/adapters/github.md, and by its pattern for newer types.
"""

from __future__ import annotations

from dataclasses import replace

from .shape import Shape, says, shape


def _shape(
    must: str,
    subject: str | None = None,
    times: str = "",
    *,
    never: str = "",
    actions: str = "",
    suffix: str | None = "action",
) -> Shape:
    """A row; `actions` are all that it has, where keys alone do not tell it from others."""
    named = {"action": says(*actions.split())} if actions else None
    return shape(must, subject, times, never=never, says=named, suffix=suffix)


def _exemption(kind: str) -> Shape:
    """A row of a request for an exception from a rule; what is asked for tells one from the others."""
    asked = {"exemption_request.request_type": says(kind, None)}
    return shape("exemption_request", "exemption_request.number", "exemption_request.created_at", says=asked)


_REPOSITORY_ACTIONS = "archived created deleted edited privatized publicized renamed transferred unarchived"
_ORGANIZATION_ACTIONS = "deleted member_added member_invited member_removed renamed"
_RELEASE_TIMES = "release.published_at release.created_at"

SHAPES: dict[str, Shape] = {
    "branch_protection_configuration": _shape("repository", "repository.name", actions="disabled enabled"),
    "branch_protection_rule": _shape("rule", "rule.id", "rule.updated_at"),
    "bypass_request_push_ruleset": _exemption("push_ruleset_bypass"),
    "bypass_request_secret_scanning": _exemption("secret_scanning"),
    "check_run": _shape("check_run", "check_run.id", "check_run.completed_at check_run.started_at", never="deployment"),
    "check_suite": _shape("check_suite", "check_suite.id", "check_suite.updated_at"),
    "code_scanning_alert": _shape("alert commit_oid", "alert.number", "alert.updated_at alert.created_at"),
    "commit_comment": _shape("comment", "comment.id", "comment.updated_at", never="issue discussion pull_request"),
    "content_reference": _shape("content_reference", "content_reference.id"),
    "create": _shape("ref ref_type master_branch", "ref", suffix="ref_type", never="action"),
    "custom_property": _shape("definition", "definition.property_name"),
    "custom_property_values": _shape("new_property_values", "repository.name", "repository.updated_at"),
    "delete": _shape("ref ref_type", "ref", suffix="ref_type", never="action master_branch"),
    "dependabot_alert": _shape("alert alert.dependency", "alert.number", "alert.updated_at"),
    "deploy_key": _shape("key", "key.id", "key.deleted_at key.created_at"),
    "deployment": _shape(
        "deployment",
        "deployment.id",
        "deployment.updated_at",
        suffix=None,
        never="deployment_status deployment_callback_url workflow_job",
    ),
    "deployment_protection_rule": _shape("deployment_callback_url", "deployment.id", "deployment.updated_at"),
    "deployment_review": _shape("since workflow_run", "workflow_run.id"),
    "deployment_status": _shape(
        "deployment_status",
        "deployment_status.url",
        "deployment_status.updated_at",
        suffix="deployment_status.state",
    ),
    "discussion": _shape("discussion", "discussion.number", "discussion.updated_at", never="comment"),
    "discussion_comment": _shape("discussion comment", "comment.id", "comment.updated_at"),
    "dismissal_request_code_scanning": _exemption("code_scanning_alert_dismissal"),
    "dismissal_request_secret_scanning": _exemption("secret_scanning_closure"),
    "fork": _shape("forkee", "forkee.url", "forkee.created_at", suffix=None),
    "github_app_authorization": _shape("sender", actions="revoked", never="repository organization"),
    "gollum": _shape("pages"),
    "installation": _shape("installation installation.account", "installation.id", never="repository organization"),
    "installation_repositories": _shape("repositories_added repositories_removed", "installation.id"),
    "installation_target": _shape("account target_type", "account.login"),
    "issue_comment": _shape("issue comment", "comment.id", "comment.updated_at"),
    "issue_dependencies": _shape("blocked_issue blocking_issue", "blocked_issue.number", "blocked_issue.updated_at"),
    "issues": _shape("issue", "issue.number", "issue.updated_at", never="comment"),
    "label": _shape("label", "label.name", never="issue pull_request discussion"),
    "marketplace_purchase": _shape("marketplace_purchase", "marketplace_purchase.account.login", "effective_date"),
    "member": _shape("member", "member.login", never="team"),
    "membership": _shape("member team", "member.login"),
    "merge_group": _shape("merge_group", "merge_group.head_sha", "merge_group.head_commit.timestamp"),
    "meta": _shape("hook", "hook_id", "hook.updated_at", never="zen"),
    "milestone": _shape("milestone", "milestone.number", "milestone.updated_at", never="issue pull_request"),
    "org_block": _shape("blocked_user", "blocked_user.login"),
    "organization": _shape("organization", "membership.user.login", actions=_ORGANIZATION_ACTIONS, never="repository"),
    "package": _shape("package", "package.html_url", "package.updated_at"),
    "page_build": _shape("build", "build.url", "build.updated_at", suffix=None),
    "personal_access_token_request": _shape(
        "personal_access_token_request", "personal_access_token_request.id", "personal_access_token_request.created_at"
    ),
    "ping": _shape("zen"),
    "project": _shape("project", "project.id", "project.updated_at"),
    "project_card": _shape("project_card", "project_card.id", "project_card.updated_at"),
    "project_column": _shape("project_column", "project_column.id", "project_column.updated_at"),
    "projects_v2": _shape("projects_v2", "projects_v2.id", "projects_v2.updated_at"),
    "projects_v2_item": _shape("projects_v2_item", "projects_v2_item.id", "projects_v2_item.updated_at"),
    "projects_v2_status_update": _shape(
        "projects_v2_status_update", "projects_v2_status_update.id", "projects_v2_status_update.updated_at"
    ),
    "public": _shape("repository", "repository.name", "repository.updated_at", suffix=None, never="action changes"),
    "pull_request": _shape(
        "pull_request", "pull_request.number", "pull_request.updated_at", never="review comment thread"
    ),
    "pull_request_review": _shape("pull_request review", "review.id", "review.submitted_at"),
    "pull_request_review_comment": _shape("pull_request comment", "comment.id", "comment.updated_at"),
    "pull_request_review_thread": _shape("pull_request thread", "pull_request.number", "pull_request.updated_at"),
    "push": _shape("ref", "ref", suffix=None, never="action ref_type workflow inputs alert"),
    "registry_package": _shape("registry_package", "registry_package.html_url", "registry_package.updated_at"),
    "release": _shape("release", "release.id", _RELEASE_TIMES),
    "repository": _shape("repository", "repository.name", "repository.updated_at", actions=_REPOSITORY_ACTIONS),
    "repository_advisory": _shape(
        "repository_advisory", "repository_advisory.ghsa_id", "repository_advisory.updated_at"
    ),
    "repository_dispatch": _shape("client_payload", "branch"),
    "repository_import": _shape("status repository", "repository.name", "repository.updated_at"),
    "repository_ruleset": _shape("repository_ruleset", "repository_ruleset.id", "repository_ruleset.updated_at"),
    "repository_vulnerability_alert": _shape("alert alert.affected_range", "alert.id"),
    "secret_scanning_alert": _shape(
        "alert alert.secret_type", "alert.number", "alert.updated_at alert.created_at", never="location"
    ),
    "secret_scanning_alert_location": _shape("alert location", "alert.number", "alert.updated_at alert.created_at"),
    "secret_scanning_scan": _shape("source started_at completed_at", None, "completed_at"),
    "security_advisory": _shape("security_advisory", "security_advisory.ghsa_id", "security_advisory.updated_at"),
    "security_and_analysis": _shape(
        "changes.from.security_and_analysis", "repository.name", "repository.updated_at", never="action"
    ),
    "sponsorship": _shape("sponsorship", "sponsorship.node_id"),
    "star": _shape("starred_at", None, "starred_at"),
    "status": _shape("sha state", "sha", "updated_at"),
    "sub_issues": _shape("parent_issue sub_issue", "sub_issue.number", "sub_issue.updated_at"),
    "team": _shape("team action", "team.id", never="member"),
    "team_add": _shape("team", "team.id", never="action"),
    "watch": _shape("repository", actions="started"),
    "workflow_dispatch": _shape("ref workflow", "ref", suffix=None, never="action workflow_run"),
    "workflow_job": _shape("workflow_job", "workflow_job.id", "workflow_job.completed_at workflow_job.started_at"),
    "workflow_run": _shape(
        "workflow_run", "workflow_run.id", "workflow_run.updated_at", never="deployment deployment_status since"
    ),
}

# Types that have no key of their own must not have what any other is about; changes are about any.
_NOUNS = frozenset(path.partition(".")[0] for row in SHAPES.values() for path in row.must) - {
    *("action", "repository", "organization", "installation", "sender", "changes")
}
_BARE = (
    "branch_protection_configuration",
    "github_app_authorization",
    "installation",
    "organization",
    "public",
    "repository",
    "watch",
)

SHAPES.update({name: replace(SHAPES[name], never=(*SHAPES[name].never, *sorted(_NOUNS))) for name in _BARE})

REPEATS: dict[str, frozenset[str]] = {
    "workflow_dispatch": frozenset(),
    "repository_dispatch": frozenset(),
    "check_run": frozenset({"rerequested", "requested_action"}),
    "check_suite": frozenset({"rerequested"}),
    "branch_protection_configuration": frozenset(),
    "custom_property_values": frozenset(),
    "security_and_analysis": frozenset(),
    "github_app_authorization": frozenset(),
    "member": frozenset(),
    "membership": frozenset(),
    "org_block": frozenset(),
    "organization": frozenset({"member_added", "member_removed"}),
}
"""Types whose bodies repeat honestly, with the actions of which that is true (none: all): asked for again, or undone
and done again, they hold no time and no number of their own. There the delivery's id tells one from the next."""
