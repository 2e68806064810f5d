import { Args, Flags } from '@oclif/core';
import { EcoCommand } from '../../../base.ts';
import { priceText } from '../../../catalog-view.ts';
import { UsageError } from '../../../usage-error.ts';

const price = (unit: string) => Flags.string({ helpValue: '0.50', description: `dollars per ${unit}` });

export default class AdminModelsPrice extends EcoCommand {
  static override summary = 'set the prices of a platform model';
  static override examples = ['<%= config.bin %> <%= command.id %> llama-3.1-8b-instruct --input 0.05 --output 0.08'];
  static override args = { model: Args.string({ required: true, description: 'id of the platform model' }) };
  static override flags = {
    input: price('1M input tokens'),
    'cached-input': price('1M input tokens read from a cache'),
    output: price('1M output tokens'),
    image: price('image'),
    'audio-second': price('second of audio'),
    '1k-characters': price('1K characters'),
    'video-second': price('second of video'),
    '1k-documents': price('1K documents'),
  };

  async run() {
    const { args, flags } = await this.parse(AdminModelsPrice);
    const prices = {
      input_per_1m: flags.input,
      cached_input_per_1m: flags['cached-input'],
      output_per_1m: flags.output,
      per_image: flags.image,
      per_audio_second: flags['audio-second'],
      per_1k_characters: flags['1k-characters'],
      per_video_second: flags['video-second'],
      per_1k_documents: flags['1k-documents'],
    };
    if (Object.values(prices).every((each) => each === undefined))
      throw new UsageError('No price: give one, like --input 0.05.');
    const eco = await this.client(flags, 'admin');
    const model = await eco.admin.priceModel({ model: args.model, prices });
    this.log(`${model.id}: ${priceText(model.prices)}`);
    return model;
  }
}
