UPDATE organizations SET suspended_at = '2026-11-27 09:30:00', suspension_reason = 'Payment is overdue.';
