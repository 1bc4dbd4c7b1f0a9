"""The checks that experienced people make by hand before they train, and gradients held against other ways to them."""

from gradexp.auditing.every_check import audit
from gradexp.auditing.result import AuditResult, Check

__all__ = ["AuditResult", "Check", "audit"]
