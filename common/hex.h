/*
 * Hexadecimal digits, of either case.
 */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

/* The value of a digit, -1 if it is none. */
static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
		return ((c | 32) - 'a' + 10);
	return (-1);
}

#endif
