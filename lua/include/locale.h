/* Furore has one locale; port.h names its decimal point. */
