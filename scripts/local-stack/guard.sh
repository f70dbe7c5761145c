#!/bin/sh
# guard.sh COMMAND...: runs the command and lives exactly as long as the process that holds the other
# end of its standard input. When that end closes, by whatever death, the whole process group is killed.
# Must lead a process group of its own. Descriptor 3 takes two lines: the command's pid, its exit code.
exec 4<&0

"$@" </dev/null 3>&- 4<&- &
command=$!
echo "$command" >&3

(
  exec 3>&-
  while read -r _; do :; done
  kill -s KILL -- "-$$"
) <&4 >/dev/null 2>&1 &

# Some shells tell of a death by signal, and so does who waits for the exit code.
wait "$command" 2>/dev/null
echo "$?" >&3
# Ends the reader above and whatever the command has left in the group.
kill -s KILL -- "-$$"
