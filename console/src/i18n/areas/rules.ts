/** Words of the operator's own rules about models. */
export const en = {
  rules: {
    title: 'Rules of your own',
    text: 'What you say of models here stands above the catalogue: for a model it does not know, or an upstream that is otherwise than others.',
    none: 'There is no rule of your own.',
    add: 'Add model rule',
    editTitle: 'Model rule {name}',
    match: 'Models',
    matchHint: 'Names or patterns such as house-*, a line each.',
    caps: 'What is so',
    capsHint: 'In the words of the catalogue: Models shows them for each model. What a rule does not say stays as the catalogue has it.',
    word: 'Word',
    valueOf: 'Value of {name}',
    drop: 'Leave out {name}',
    more: 'Another',
    removeAsk: 'Delete the model rule {name}?',
    removeEffect: 'From within a second the catalogue alone says what holds for {list}.',
  },
}

/** The same in simplified Chinese. */
export const zh: typeof en = {
  rules: {
    title: '自定义规则',
    text: '这里对模型的说明优先于目录：适用于目录未收录的模型，或与众不同的上游。',
    none: '没有自定义规则。',
    add: '添加模型规则',
    editTitle: '模型规则 {name}',
    match: '模型',
    matchHint: '名称或 house-* 这样的模式，每行一个。',
    caps: '说明',
    capsHint: '使用目录的用语：“模型”页会列出每个模型的说明。规则未提及的内容以目录为准。',
    word: '用语',
    valueOf: '{name} 的值',
    drop: '去掉 {name}',
    more: '再加一项',
    removeAsk: '删除模型规则 {name}？',
    removeEffect: '一秒内，{list} 将只以目录为准。',
  },
}
