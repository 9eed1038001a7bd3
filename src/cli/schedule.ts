import type { Command } from 'commander';
import type { Invocation } from './invocation.ts';
import { addScheduleCreate } from './schedule-create.ts';
import { addScheduleDelete } from './schedule-delete.ts';
import { addScheduleList } from './schedule-list.ts';
import { addSchedulePause, addScheduleResume } from './schedule-pause.ts';
import { addScheduleShow } from './schedule-show.ts';
import { addScheduleTrigger } from './schedule-trigger.ts';

/** Adds `aegrail schedule` and its commands. */
export function addSchedule(program: Command, invocation: Invocation): void {
  const schedule = program.command('schedule').description('sessions that start by themselves, at set times');
  for (const add of [
    addScheduleCreate,
    addScheduleList,
    addScheduleShow,
    addSchedulePause,
    addScheduleResume,
    addScheduleTrigger,
    addScheduleDelete,
  ]) {
    add(schedule, invocation);
  }
}
