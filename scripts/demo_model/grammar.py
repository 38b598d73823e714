"""The rewriting rules of the interview sentences the demo model is trained on.

Each symbol maps to its alternatives, separated by `|`; `<name>` refers to another symbol. Every other word is
vocabulary. Words that sound alike are kept out where only one of them is needed (no "too", no "hour" beside "our").
"""

RULES: dict[str, str] = {
    "sentence": """<i_did> | <i_did> <when> | <when> <i_did> | <we_did> | <we_did> <when> | <when> <we_did>
        | <i_did> and <we_did> | <i_did> because <reason> | <we_did> so <result> | <opinion> | <opinion>
        | <state> | <state> | <numbers> | <numbers> | <problem> | <problem> | <plan> | <strength> | <background>
        | <background> | <question> | <short> | <process> | <process>""",
    "i_did": """i led a team of <number> <people> | i worked as a <adjective> <person> for <number> years
        | i <built> a <adjective> <thing> in <technology> | i <built> the <thing> with <technology> and <technology>
        | i <moved> the <thing> to the <place> | i <fixed> a <adjective> <trouble> in the <thing>
        | i was responsible for the <thing> and the <thing> | i helped the <group> <verb> the <thing>
        | i wrote <technology> code for the <thing> | i <learned> <technology> at <origin>
        | i trained <number> <adjective> <people> | i talked with the <group> about the <thing>
        | i made a <adjective> decision about the <thing> | i asked the <group> for <wanted>
        | i took ownership of the <thing> | i reviewed the <work> of <number> <people>""",
    "we_did": """we <moved> the <thing> to the <place> | we <built> a <adjective> <thing> for the <group>
        | we <fixed> <number> <troubles> in the <thing> | we <changed> the <measure> by <number> percent
        | we <verb_past> the <thing> and the <thing> | we replaced the <adjective> <thing> with <technology>
        | we wrote <adjective> tests for every <thing> | we worked with the <group> on the <thing>
        | we shipped the <adjective> <thing> to <number> hundred customers | we met every <day> to discuss the <work>
        | we used <technology> for the <thing> | we had <number> <troubles> and only <number> <people>""",
    "when": """<ago> years ago | last <period> | in my last job | in my first <period> | at that time
        | after <ago> months | before that | at <origin> | during the <adjective> project | in <month>
        | on <weekday> morning
        | when i started there | at the end of the <period> | by the next <period>""",
    "ago": "two | three | four | five | six | ten",
    "reason": """the <thing> was <too> <quality> | the <group> needed <wanted> | we had a <adjective> <trouble>
        | customers were not happy | it was the right decision | nobody understood the <thing>
        | i wanted to learn <technology> | the <measure> was <too> high""",
    "result": """the <group> could <verb> the <thing> | the <measure> went down by <number> percent
        | customers were very happy | we could release every <day> | it is <much> <better> now
        | nobody had to work at night | the <thing> never failed again""",
    "opinion": """i think <technology> is <much> <better> than <technology> | i believe that <value> is important
        | i really like <doing> the <thing> | in my experience <value> matters more than <value>
        | the most important part is <value> | i would say that i am <a_trait>
        | i do not think that <technology> is the right <tool> | for me <value> comes first
        | i always try to <verb> the <thing> early | i enjoy <doing> with <adjective> <people>""",
    "state": """the <thing> was <too> <quality> | our <group> had <number> <people> | the <thing> runs in the <place>
        | there were <number> <troubles> in the <thing> | it was a <adjective> <thing> written in <technology>
        | the <group> works in <number> different <offices> | this is a <quality> <tool>
        | they use <technology> and <technology> every <day> | the <measure> is very <quality>""",
    "numbers": """it took us <number> <units> | the <thing> had about <number> thousand users
        | that saved <number> thousand dollars every <period> | we went from <number> <units> to <number> <units>
        | i have <number> years of experience with <technology> | the project took <number> <units> and <number> <units>
        | the budget was <number> million dollars | we handled <number> hundred requests every second
        | about <number> percent of the customers use the <thing>""",
    "problem": """the biggest challenge was the <adjective> <thing> | the <thing> failed <ago> times last <period>
        | we found a <trouble> in the <thing> | a customer reported a <adjective> <trouble>
        | first we looked at the logs and then we <fixed> the <thing> | the <measure> was high and nobody knew why
        | i did not agree with the <group> about the <thing> | one <person> left and we had to <verb> the <thing>
        | the deadline was <quality> but we finished on time | my mistake was that i did not <verb> the <thing>""",
    "plan": """in <ago> years i want to lead a <adjective> team | i would like to learn more about <technology>
        | i want to work with <adjective> <people> | my goal is to become a <adjective> <person>
        | i am looking for a <adjective> <role> | i hope to grow as a <person>""",
    "strength": """i am good at <doing> the <thing> | my strength is <value> | people say that i am <a_trait>
        | i stay calm under pressure | my weakness is that i am <too> <trait> | i am proud of the <thing>""",
    "background": """i studied <subject> at <origin> | my name is on the <thing> | i started as a <adjective> <person>
        | i grew up in a <adjective> town and studied <subject>
        | i am a <adjective> <person> with <ago> years of experience | my background is in <subject> and <subject>
        | i have worked in <field> and <field>
        | i joined the company as the <first> <person>""",
    "question": """could you tell me more about the <group> | what does the <group> do every <day>
        | how many <people> work on the <thing> | when would i start | which <tool> do you use for the <thing>
        | who is responsible for the <thing> | where is the <group> | can you please repeat the question""",
    "short": """yes i did | no not really | thank you very much | that is a good question | yes of course
        | let me think about that | i do not know | i hope that helps | that was all | thanks for your time
        | it worked very well | we learned a lot | yes that is right | i was very happy | sorry about that""",
    "process": """first we <verb> the <thing> and then we <verb> the <thing> | every <day> we <verb> the <thing>
        | we measure the <measure> with <technology> | i write tests before i <verb> the <thing>
        | we review all <work> together | i plan my <period> on <weekday> | we release the <thing> every <period>
        | i explain the <thing> to the <group> and listen to their questions | we keep the <thing> <quality>
        | i break the <work> into small parts | if the <thing> fails we <verb> it in <number> <units>""",
    "number": """two | three | four | five | six | seven | eight | nine | ten | eleven | twelve | fifteen | twenty
        | thirty | forty | fifty | sixty | seventy | eighty | ninety | twenty five | thirty six | forty seven""",
    "first": "first | second | third | only",
    "people": "engineers | developers | people | designers | students | managers | analysts | testers | colleagues",
    "person": """engineer | developer | designer | manager | analyst | tester | leader | consultant | colleague
        | teacher""",
    "group": "team | company | product team | sales team | customer | client | department | support team | management",
    "adjective": """new | small | large | senior | junior | young | difficult | simple | complex | modern | old
        | strange | reliable | remote | serious | different | friendly | technical | important | secure""",
    "thing": """payment service | search service | website | mobile app | database | data pipeline | system | project
        | interface | dashboard | test suite | deployment | server | network | product | report | platform | model
        | architecture | backend | frontend | message queue | documentation | cache | release process | schedule""",
    "technology": """python | java | docker | kubernetes | linux | machine learning | open source software | javascript
        | automation | cloud computing | spreadsheets | monitoring | encryption | statistics | excel""",
    "tool": "tool | solution | language | method | framework",
    "place": "cloud | data center | new platform | other server | internal network | public website",
    "built": "built | designed | created | developed | planned | started | launched",
    "moved": "moved | migrated | connected | delivered",
    "fixed": "fixed | found | solved | investigated | removed",
    "learned": "learned | taught | studied | used",
    "changed": "reduced | improved | increased | changed",
    "verb": """build | test | improve | understand | support | maintain | release | change | measure | monitor | replace
        | document | check | simplify | design | discuss | repair""",
    "verb_past": "tested | improved | simplified | documented | automated | cleaned | combined | presented | organized",
    "doing": "building | testing | improving | explaining | planning | working | teaching | writing | debugging",
    "trouble": "bug | problem | error | memory leak | security issue | outage | conflict | delay",
    "troubles": "bugs | problems | errors | issues | outages | conflicts | delays | incidents",
    "measure": "cost | latency | error rate | response time | traffic | quality | workload | risk",
    "work": "work | code | changes | results | ideas | feedback",
    "wanted": "help | more time | feedback | a better plan | a clear answer | support | permission",
    "origin": "university | school | a startup | a bank | a hospital | my current company | a large company | home",
    "too": "very | really | so | quite | rather | almost always",
    "much": "much | a little | far | a lot",
    "better": "better | faster | easier | cheaper | safer | stronger | slower | harder",
    "quality": """slow | fast | expensive | cheap | stable | difficult | tight | old | good | bad | useful | clear
        | busy""",
    "value": """communication | trust | honest feedback | teamwork | simple code | good planning | patience | security
        | customer experience | curiosity | respect | leadership""",
    "a_trait": "patient | careful | curious | honest | a quick learner | a good listener | very organized | creative",
    "trait": "careful | direct | patient | quiet | impatient | critical",
    "role": "role | position | job | career | opportunity",
    "subject": "computer science | mathematics | physics | business | economics | engineering | biology | history",
    "field": "finance | health care | education | marketing | research | sales | logistics | insurance",
    "offices": "offices | countries | cities | time zones",
    "period": "year | month | quarter | summer | winter | week",
    "units": "days | weeks | months | minutes | seconds",
    "day": "day | morning | evening | <weekday>",
    "weekday": "monday | tuesday | wednesday | thursday | friday",
    "month": "january | april | june | july | august | october | november | december",
}

FILLERS = ("um", "uh", "you know", "like", "basically", "actually", "well", "i mean", "so", "kind of", "okay")

# In a random string of words nothing tells these from a word that sounds the same, so they appear in sentences only.
HOMOPHONES = frozenset({"two", "four", "eight", "to", "for", "new", "know", "right", "led", "no", "our", "by", "write"})
HOMOPHONES |= frozenset({"there", "their", "would", "one", "not", "week", "cache", "cost", "i", "a", "uh", "where"})
