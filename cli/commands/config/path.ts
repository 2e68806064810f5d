import { EcoCommand } from '../../base.ts';
import { findProjectFile } from '../../config/project-file.ts';
import { userFilePath } from '../../config/user-file.ts';

export default class ConfigPath extends EcoCommand {
  static override summary = 'print where your settings and logins are kept';
  static override examples = ['<%= config.bin %> <%= command.id %>'];

  async run() {
    await this.parse(ConfigPath);
    const path = userFilePath();
    const project = findProjectFile()?.path ?? null;
    this.log(path);
    if (project !== null && !this.jsonEnabled()) this.note(`Before it goes ${project}.`);
    return { path, project };
  }
}
