"""Checks of a module before training: on one batch, in a few training steps, and of its gradients."""

from gradexp.auditing.every_check import audit
from gradexp.auditing.result import AuditResult, Check

__all__ = ["AuditResult", "Check", "audit"]
