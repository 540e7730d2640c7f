"""WhatsApp Cloud API: one business number. docs/whatsapp.md says how to set it up, what is sent and what is understood."""
