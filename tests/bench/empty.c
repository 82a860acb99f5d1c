/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What it takes to start a program that links what the command links. */
#include <addrinuse.h>

int main(void)
{
        return aiu_version() ? 0 : 1;
}
