// Given names from many languages, romanised to the letters a to z: what `microgpt train` learns from
// when no file is named, so that a first run needs no network. A name that several languages share
// stands once, under one of them.

const NAMES_BY_LANGUAGES = {
  English: `
    abigail agnes alfred alison andrew arthur audrey beatrice bernard beverly brandon bruce cameron caroline
    charlotte christopher clarence colin craig daniel dawn deborah diana doris duncan edith edward elizabeth
    ellen emily ernest ethan faith frances frederick george gilbert gloria grace guy harriet harvey helen
    herbert hope hugh ida isaac jack jane jason jeffrey jessica joan joseph judith june kate keith kimberly
    lawrence leslie lily louis luke margaret martin maureen melissa miles nathan nicholas norman olive
    patricia pauline penelope phoebe polly ralph rebecca richard roger rose rupert ryan samuel scarlett sharon
    sidney spencer stella susan tabitha theresa tina tracy vera victor violet wallace warren wesley william
    xander
  `,
  Spanish: `
    adriana alba alejandro alicia alvaro ana antonio arturo aurelio benito camila carmen cesar concepcion
    cristina daniela dolores eduardo emilio enrique esteban eugenia eva felipe florencia francisco gerardo
    graciela guadalupe gustavo hugo ines isabel jacinto jimena jose juan julia leandro lorena lucia macarena
    manuela margarita mariana marisol martina mercedes milagros natalia nieves nuria olga pablo pascual pedro
    rafael ramon raul roberto rodrigo rosa ruben santiago sergio soledad teodoro tomas valentina vicente
  `,
  Portuguese: `
    adelaide aline anabela armindo aurora bernardo caetano cecilia conceicao deolinda duarte elisa evaristo
    fatima filipe flavio gisele guilherme henrique iracema ivone joana jordao laurinda lopo luciana luiza
    marcelo marilia mauro natercia nuno otavio regina ricardina rogerio sandro simao teofilo ursulina vania
    vitoria
  `,
  French: `
    achille agathe alix anais antoine arlette aubin aurelie basile benoit bertrand brice cecile celine
    charlene clotilde corentin cyril delphine desire edouard eloise emilie estelle evariste felicite florent
    francoise gael gaston georges gerard ginette henriette honore isabelle jeanne joel josette juliette
    laurence leon loic luc ludovic marc margaux marianne marise mathilde michel monique nicole odette ondine
    pascale pierre raphael renaud reynald romain sabine severine sophie sylvie thierry valentin violette
    xavier yves
  `,
  German: `
    adalbert alois angela annegret antje astrid barbel benedikt berta bodo carsten christoph conrad cornelia
    dieter dorothea edeltraud elfriede emil erich erwin felicitas franz friedrich gabriele gerda gernot
    gottfried gudrun hanna hartmut heike heinz hermann holger ingeborg irma jan jochen jorg jutta karsten
    katja klara konstantin kunigunde lenz lorenz ludwig lutz manfred mareike mechthild monika nikolaus oswald
    petra reinhold rudiger siegfried sigrid stefanie tanja traudl ulrike uwe waldemar wiebke wilhelmina
    wolfram
  `,
  Italian: `
    adalgisa adriano alberto alessia amedeo angelica antonella arrigo baldassare benedetta biagio carla
    carmine ciro cosimo daria diletta donatella elettra elisabetta emma enrico ezio ferruccio fiorella
    francesca fulvio gaspare giacomo gilda gioacchino giovanna giuliana giuseppina graziella immacolata ivana
    laura lia lorenza luca ludovico manlio mariangela matilde michelangelo morena nicola nunzia osvaldo
    palmira patrizia pina prospero rinaldo rosanna sabrina santo settimio simona tamara tommaso ugo valeria
    violante viviana
  `,
  'Dutch and Flemish': `
    adriaan anneke anouk arjen bas boudewijn cees daan douwe els femke fleur fons frits gerben gijs godelieve
    greet hanneke hendrik huib ineke jacobus jesse johannes jolien joris jurriaan klaas lambert lieke lotte
    maarten marijke martijn menno mirjam niels paulien pim renske rinus roos saskia sietske stijn theo tjeerd
    truus wieke wim wouter
  `,
  'Danish, Norwegian and Swedish': `
    aage aase aksel arvid bengt bertil bjarne borge bror dagny egil elin elsa erland espen fredrik gerd greta
    gudmund gunilla gustaf halvor harald helge henrik hjalmar inge ingvild jakob jens jonas kai kari katarina
    kirsten kjersti kristian kristoffer leif lina lisbet ludvig maja margareta mats mikkel nanna oddvar ole
    ove pernille preben ragnhild reidar runa sigmund siri snorre staffan stig svea sven tarjei thorvald tobbe
    torbjorn torill tove trond tuva ulrika vebjorn vidar vilde
  `,
  'Icelandic and Faroese': `
    anna asdis atli baldur bjarki brynjar drifa elfa fannar gisli gyda hakun heidrun helgi hjordis hrafn
    johannus karitas ljotur magni oddny pall rognvaldur salka sigrun snaefridur steinunn svanhildur tordis
    ulfar valgerd
  `,
  'Finnish and Estonian': `
    aada aarni aimo alli antero ants armas asko eeva eevald elias erkki hannu heini hilkka hille iiris ilta
    irmeli jaanika jari jorma juhani jyrki kaisa kalju katariina kerttu kullervo kulli lauri lempi liina maija
    malle marjatta marko meelis meeri mikko miro niina onni oskar ossi pasi perttu pirjo raimo raivo reijo
    risto sakari sami sari siiri silja soile suvi taisto tanel taru terhi timo tonu touko tuula uno uuno valto
    veijo vesa viljo voitto
  `,
  Polish: `
    adam alojzy aniela arkadiusz bartosz bogdan boleslaw bronislaw cezary czeslawa danuta dominik elzbieta ewa
    gabriel grzegorz henryk hubert iwona jakub jarek jerzy jowita julianna kacper karol kazimierz klaudia
    krystian ksawery leszek lucjan maciej marcel maria marzena mieczyslaw milosz olgierd patryk piotr rafal
    roman ryszard seweryn stanislawa sylwia tadeusz urszula wanda wieslaw wiktoria wit wlodzimierz zdzislaw
    zofia
  `,
  'Czech and Slovak': `
    alena andela antonin blazena bohuslav brigita ctibor dana dobromil dusan frantisek hana hynek jachym
    jaromir jergus jindrich jitka juraj kazimir kvetoslava libuse ludek ludovit marcela matous matus milada
    miloslav miroslava natasa ondrej pavla pavol premysl radim radoslava rastislav robert sarka sobeslav
    stepan tadeas tibor vavrinec vincent vitezslav vlasta vratislav zdenek zikmund zuzana
  `,
  Hungarian: `
    abel akos anasztazia aniko arpad balint bendeguz bertalan borbala csanad csongor dora edit eniko erzsebet
    fanni fruzsina geza gyorgy hajnalka hunor ilka istvan jeno juliska karoly klari kriszta laszlo levente
    lorand margit matyas mihaly mor nora orsolya ottilia paula rebeka rezso sandor szabolcs szilard terez
    tivadar vazul vidor vince zita zsigmond zsombor
  `,
  Romanian: `
    adela alexandra anca aurelia bogdana catrinel constantin corneliu cristian decebal dinu dorin dumitru
    emilian felicia floarea gavril gelu horatiu ileana ilona ionel iulian lavinia liviu lucretia marinela
    mihaela mircea monica nichita oana ozana petre raluca ruxandra sever simion sorina steliana teodor tudor
    vasile veta viorica voicu
  `,
  Russian: `
    afanasy aksinya aleksei alyona anfisa antonina arkady avdotya dasha denis efim evdokia evgenia fedora
    filipp galina gerasim gordey iosif ippolit katya klavdia kondrat larisa leonty lizaveta lyuba lyudmila
    marfa masha maxim mila mitya nadezhda nastya nikanor nikolai oksana panteley petya porfiry prokofy rodion
    ruslan savva shura spiridon svetlana tatyana timofey trofim vadim varvara vasya vissarion vladislav
    vsevolod yaroslav yegor yelizaveta yulian zakhar zinaida
  `,
  'Ukrainian and Belarusian': `
    andriy artem borys daryna dzmitry havrylo hordiy ihar ioann khrystyna ksenya levko lukian maksym markiyan
    matviy mykyta myroslava natalka odarka oleksa oleksiy olesia onufriy ostap pavlo rostyslav sashko slavko
    stanislava sviatoslav taras ulas ustym viktar vitaliy yanina yauhen yelyzaveta yosyp yuriy zenoviy
  `,
  'Serbian, Croatian and Slovene': `
    alenka bojan borut bozidar dijana djuro dragana dragutin dunja gordana hrvoje ivica janez jelica jovan
    katica ksenija ljubisa luka marinko matija milica milka milun mirjana nada nedeljko nevena nikola ognjen
    petar radmila radojka rajko sanja simo slobodan snezana stana stipe tea tjasa uros velimir vid visnja
    vladimir vuk zeljka zivojin zlatka zorica
  `,
  'Bulgarian and Macedonian': `
    aleko angel aspasia biser blagovesta boyko desislava dimka ekaterina filip georgi grozdan ilko ivaylo
    kiril krasimir lachezar lyuben mihail momchil neli penka plamena radost rosen samuil snezhana stanka
    svetoslav todor trajko tsveta vancho velin vladislava yavor yordanka zhivka
  `,
  'Lithuanian and Latvian': `
    agne aigars aiste algimantas andris arnoldas asta benas brone dainis dalia dzintars edita eimantas evalds
    gintaras guna gunta ilmars ineta jadvyga julija juste kristaps laima lauris linas loreta marite milda
    nojus normunds onute paulius povilas rasa rita ruta sarmite sigitas smilte sniedze vaidas valdis velta
    vija vilnis zane zigmas
  `,
  Greek: `
    achilleas agamemnon alcibiades alexios ambrosios andromache apollonia argyris aristides athanasios
    calliope chariklia chrysoula demetrios dimitra dionysia efstathios eftychia eleni erato euphrosyne
    evanthia fotis gerasimos haris homer ilektra iphigenia kalliopi kimon konstantina kostas lambros leontios
    lydia marilena matina minas nektaria nikoleta odysseas panagiota pantelis patroklos persephone photini
    popi socrates sotiris stamatis stelios tasoula thekla theodoros thomas vaios vasso xenophon zaharoula
  `,
  Turkish: `
    abdullah akin alparslan asli ayhan aysun banu batuhan berkay buket cagri cavit cengiz cihangir deniz doga
    ece ekrem emre erdem ersin esra fadime fethi firat gokce gulay gulten halil hande hulya ilker irfan kadir
    kerim kutay mehmet meltem metin muhittin nail necati neslihan nihat nur nurten orhan ozgur rabia rifat
    sadri sefa selim seniha serkan sevil sezer songul suzan tarik tezer tugce turhan ulku veli yasemin yesim
    yonca zehra zeynep
  `,
  Arabic: `
    abbas adel ahmad alaa amina anbar asim aziz bakr bassam dalal diyaa fadel faisal farid fawaz fuad ghanim
    hadi hajar hamdan hani haya hoda ibtihal imad isam jaber jamil jinan karima khalil lamia layla lulwa mai
    majida mariam mazen mohammed mubarak munira muthanna nadira najib nawaf nejma nizar nura qasim radi raghda
    ramadan rasha raya riham saad safa said salim samer sana shadia sharifa sohaib suhaila tahani tarek tuqa
    usama wahba wasan yahya yasmin zahid zaina zayd
  `,
  'Persian and Kurdish': `
    abtin alborz ara aria aryan ava avin azin bamdad behrouz camelia chiman delara elaheh faraz fariborz
    farzaneh firouz ghodrat golshan hamed hejar homa hossein jaleh katayoun kayvan kejal kianoush ladan mahin
    mahvash mansoureh masoumeh mehri mitra mozhgan naser nazanin nechirvan niloufar pantea parisa payam pooya
    raheleh roksana runak saba saghar samaneh sattar shadan shahram sharareh shirzad sina soheila soran
    tahereh taraneh yalda zari
  `,
  Hebrew: `
    abner ahuva amichai arava asaf avi avinoam aviva ayelet ben carmel dafna david doron ehud elazar eliezer
    emanuel ezekiel geula gili hagar hila ilan israel jonah leah lior mattan meir micha naama naomi nehorai
    nira noga ofir oren pinchas ran rivka ruth sarit shalom shifra shiri shula sivan tamar tuvia uri yaakov
    yardena yechiel yigal yochanan yonatan zahava zevulun
  `,
  'Armenian and Georgian': `
    aghavni akaki anush arevik arpine arusyak avetis avtandil beso demetre derenik ekaterine endzela garnik
    giga goga hamlet heghine hrachya ia irakli kakha karen khatuna lali lilit maia mamuka martiros meri
    mushegh nanuli narine nino omar petros rati rusudan sargis seyran smbat sofiko sulkhan tatev tekle thea
    vahagn vakhtang vardges vazgen vazha zabel
  `,
  'Kazakh, Kyrgyz, Uzbek and Mongolian': `
    abay aibek aigul alisher altynai anand aray aslan ayaulym bakyt bataar beibit bold chinbat cholpon dilbar
    dorj duman enkhtuya ermek ganzorig gulchehra gulzhan jamila jasur kanat khongor kubat malika maratbek
    narantsetseg nargiz nodira oibek otgonbayar purev qodir saida saodat shahlo shukhrat sukh temulen tolkyn
    tumur ulzhan yerzhan zhanar zhuldyz
  `,
  'Hindi, Punjabi, Marathi and Gujarati': `
    aakash aditi alka ananya anmol archana asha baldev bharat bhumika chandan chirag deepa dharam dinesh
    ganesh gita gyan harsha hira ishwar jatin jeevan kajal karan keshav kuldeep lakshmi madan mahendra mandeep
    manoj megha mohini nagesh narayan neelima ninad nupur pavan pradeep prasad prerna punit raghunath rajiv
    ram ranjit renuka ritesh ruchi sahil sanjana saraswati saurabh shankar shashi shobha simran sonam suman
    surekha sushma tara uma uttam vasanti vikram vipin yash
  `,
  'Bengali, Assamese and Odia': `
    abani amiya anisur arnab babul bhaswati binoy chaitali debapriya dibyendu dola haimanti jagadish jogen
    kaberi kalyan madhumita mandira moushumi nabin nirupam partha prasenjit rahima reba rokeya sabita sanjukta
    shahana shirshendu shyamal soumitra subrata sukumar surajit tahmina taslima tuhin
  `,
  'Tamil, Telugu, Kannada, Malayalam and Sinhala': `
    abirami ambujam arul aruni balakrishnan basavaraj beena chathura chinnammal chiranjeevi dinuka elango
    gunasekaran hridya jagan janith jayamma kalaivani karpagam kayalvizhi kondal kusal kuyil mahalakshmi
    malkanthi mathai mathi mounika muthu namal nambi padmanabhan pasan perumal prakasha prasanna purushothaman
    raghavan rajeswari rathi ruwan sathya seetha shanmugam sheeja shehan shivaraj sridevi subramani
    swaminathan tharindu thenmozhi tirupathi unni valli velu vishalakshi yashaswini yellamma
  `,
  'Urdu and Pashto': `
    abida akhtar ambreen asif ayaz bilawal erum farrukh fozia gulzar iftikhar irshad junaid khushal malala
    mohsin mumtaz nadeem najeeb naveed nusrat pervez rahila rehman sabeen sajid samina shabbir shahzad shazia
    sobia tabassum taqi tehmina uzma waris zaib zeenat
  `,
  'Nepali, Tibetan and Bhutanese': `
    bhakta bimala bishnu choden dechen deependra deki dolkar dorje gagan jigme kabita karma kelsang khagendra
    kunzang lhamo menuka migmar mingma namgyal ngawang nima padam pasang pema pemba phuntsok phurba prakriti
    rabin rabten rinchen sabin samjhana samten sangay sarmila sirjana sujan tandin tashi tenzin thinley
    trinley tsering tsewang wangchuk yeshe
  `,
  Chinese: `
    aiguo baozhen changming chunyan dandan dongsheng fuhua guangming guofeng haifeng hongwei huilan jiahui
    jianhua jiayi jinghua jinsong junjie leilei lili liqin luping meiling mengyao minsheng peijun qianqian
    qingshan renjie ruolan shimin shuhui shuxian siyu tingting weihua weizhe wenjie wenxiu xiaobo xiaohong
    xiaoli xiaowei xinyi xiuying xueyan yanling yawen yinan yong yongqiang yufen yuming yuqing yuzhen zhigang
    zhimin zhiyuan zilong
  `,
  Japanese: `
    ai akemi akina anzu asami ayako ayumi chihiro chiyoko eiichi erika fumio hachiro haruki hatsumi hideo
    hinata hiroshi hitoshi iori jun kaito kaoru katsuo kazuhiko kazuyuki keita kentaro kiyoko koji kotaro kyo
    maiko mana masafumi masanobu masaya mayu michiko miki minato mitsue miyako moe nagisa nao natsuki nobuhiro
    norio reina rika rina ryo ryotaro sachiko sakurako satsuki seiji shigeko shinji shizue shohei shunsuke
    souta sumire tadashi takako takeshi tamao tetsuo tomo tomomi toshi toshiyuki tsuneo wataru yayoi yoshie
    yoshio yua yukako yukino yumi yutaka
  `,
  Korean: `
    ahra boram chanmi choonhee dahye dongjin euijin eunjin eunwoo gunwoo haewon heesook hyesung hyorin
    hyunjung hyunwoo insook jaejoong jaewook jihyo jinhyuk jinsoo jiwon jongin joohyuk juhee jungin junho
    keunyoung kyungah kyungsook minah minji minseo minyoung myunghee namjoo nayoung ryeowook sangmin seok
    seungho seungri sohyun soojin soonhee sumin sungjin sungyeol sunyoung taehyung taeyang wonjoon yeonwoo
    yonghwa yoonhee youngchul youngjin yuna
  `,
  Vietnamese: `
    anh cam chien cuong diem duc duyen hai hanh hoa hong huong huynh khiem kien lam lieu loi luong manh nga
    ngoc nham nhien phat phu quan quyen sau tai thai thanh thieu thuan thuyen toan trang trong tuan tuong
    vananh vuong
  `,
  'Thai, Lao, Khmer and Burmese': `
    achara anchali apirak banchong boonmee bopha bounmy chaiwat chanida chanthou chawalit decha htun isara
    kamolwan kasemsan khamsouk komsan lamai lwin malai mealea nakarin nanda nattaya nittaya paitoon patchara
    phanit pimchanok pisey pradit praphan pridi rattana samphy saowanee siriporn soe somchit somsak sophea
    suchada sunee surachai sutep thaksin thaung thavy thongchai vichai vichea wai wannapa weerachai wisit
  `,
  'Indonesian, Malay and Filipino': `
    abdi aisyah amado anggraini ari azlan bayu bituin candra danilo dedi dharma djoko erna estrella febri
    gunawan hariyanto hesti hiyas ismail jericho joyo kartika kurnia lukman luzviminda marlina marlon melur
    nazri nenita novi prabowo puspita rahmat rendra rizalino rosli satria sigit sugeng sumarni sutrisno tala
    taufik tri utami wayan wulan yohanes zainal
  `,
  Hawaiian: `
    alana alani aloha anuenue aolani haunani healani hokulani ihilani iolani iwalani kahekili kailani kaimana
    kainalu kainoa kaiulani kalani kalei kaleo kamaka kamakani kamalei kamehameha kamuela kanoa kanoelani
    kawai kawena keahi keala kealoha keanu keawe kekoa kekona keoni kiele koa kulani lani lehua leialoha
    leilani lokelani mahealani mahina makani makoa malulani mele moana momi nainoa nalani nalu noelani nohea
    pono pualani uilani ulani
  `,
  'Maori, Samoan, Tongan and Fijian': `
    akanisi anahera anaru aperahama arihia ariki aroha asinate awhina epeli erana eroni eruera fetu hareta
    hariata heilala hera herewini heta hinemoa hirini hoani hone hongi hori ihaia ihaka ioane iosefa isikeli
    kahu kahurangi karena kelera kiri kupe losalini manaia manasa maraea marama masina matiu mere mereana
    mereani miriama ngaio ngaire ngata nikau ofa paora patariki penina petera pita pounamu rangi rawinia
    rawiri rewi ripeka ropata salote semisi siaosi sisilia sitiveni sosefo tamati tamihana tane taniela taonga
    teuila tevita timoti turi viliame waimarie waiora waisale whetu wikitoria wiremu
  `,
  'Irish and Scottish Gaelic': `
    aengus aileen aisling anluan aoife artair bran brid cahir caoimhe cathal cian cliodhna colm conn cuan
    deaglan desmond donncha dubhan eilis enya eunan felim fiadh finnian fionnuala grainne iseabail laoighseach
    lughaidh mairead manus mochta morag muireann nainsi niamh odhran orlagh padraigin riona rossa sean seosamh
    sinead tadhg tiernan turlough
  `,
  'Welsh, Cornish and Breton': `
    aeron anest arianwen beuno bronwen cadi cador caradog ceridwen corentine cynfael dewi ednyfed einir elfed
    elwyn enora eurfron garmon gerens glenn glenys gwalchmai gwenfair gwenole gwydion hawys huw ieuan iorwerth
    katell kitto llio macsen maela mallt mathonwy menna merryn mikael morfudd myrddin olwyn parry petroc rhian
    rhosyn riwal seiriol sezni sulien tegen teilo tudwal tugdual yorath
  `,
  'Basque, Catalan and Galician': `
    abene adega adria ainara aitziber aldara amaia antton aritz axun bakarne berenguer breixo cinta dores
    egoitz elaia elisenda endika eunate fidel gaizka gorka griselda haizene igone inaki iratxe iria ixone
    jofre jokin joseba kauldi laida lleonard lorea maitane marinha marti matxin montse nabar nekane oihan
    oriol orreaga peio prisco quim sadurni sendoa tecla telmo txomin urdin xabin xoan zigor
  `,
  Albanian: `
    afrim albana alketa ardita bardha besim blerta dhurata drilon elvana erjon fatbardh flamur genta hysni
    jeta jonida kreshnik leonora lule mimoza nexhmije pandeli rron sander shpetim teuta urim valon xhevahire
    zana
  `,
  'Swahili, Kikuyu, Luo and Kalenjin': `
    abasi abdalla achieng aisha akinyi amani anyango ashura awino bahati baraka bashira chausiku chepkoech
    cherono fadhila fadhili fatuma githinji hadija hasani hawa jafari jepkosgei johari kamande kamau karanja
    khalfani kimani kinyanjui kipchoge kipkemboi kipkorir kiprono kiptoo kirabo lulu maina malaika mariamu
    mugo mukami mukasa mumbua munene muthoni mutindi mutiso mwajuma mwanaisha mwangi mwende mwikali nafula
    nakato nasimiyu neema njeri njoki njoroge nyokabi ochieng ojwang okello okoth omondi onyango otieno owino
    ramadhani rashidi rehema salama salehe selemani shaaban shani siti subira tabu tatu tumaini wafula wairimu
    wangari wangechi wanjiku wanjiru wekesa zawadi zena zuhura zuri
  `,
  'Amharic, Tigrinya, Oromo and Somali': `
    abaynesh abshir adanech alemnesh aregash atsede bashir bekele betelhem bogale demeke deqa ejigayehu
    eskinder farhiya fekadu garaad gashaw genzebe girma hailu haweya hirut ilhaan kassech khadra kifle lensa
    mahad marta melaku mesfin mitike natnael qamar rahel sahra sebhat senayt sisay suleekha tadesse teferi
    tesfu tizita wagaye wossen xalimo yalemzewd yewubdar yosef zewde
  `,
  'Yoruba and Hausa': `
    abayomi abiodun abubakar adebisi adelabu aderonke adewale akanbi akinwunmi aramide asibi ayodeji babajide
    bala bayo bolatito bukar dayo ebun fati folake funmilayo hajara hassana ibironke inioluwa jibola kabir
    kikelomo lanre lawal mamuda mofe moyosore oladele olasubomi olufunke oluwadamilare omolara osagie rabiu
    sade salamatu shehu shola teju tijani titilope tolulope wole yahaya yewande
  `,
  'Igbo, Edo and Efik': `
    achike adindu amaka arinze chiazam chidiebube chiemeka chikelu chimere chinweike chisimdi chukwuemeka
    ebere efe emeka eno ezinwa ifeyinwa ikenna iniobong jideofor kanma madu ndidi nkoli nneoma nosakhare
    nwankwo obianuju obum oghenekaro ogonnaya okwudili onyinye somadina uba udochi uzodinma
  `,
  'Akan, Ewe, Wolof, Mandinka and Fula': `
    abena adjo agyeman akwetey alioune arame babacar badu banna cheick dela dembo doudou ekua esinam fatou
    habsatou kalidou khadim kobby komla koumba kuma kwami magatte mame mansa maty mensah modou nafi obour
    oforiwaa oumou rokhaya saly senam sidy soukeyna tidiane tsotso yoofi
  `,
  'Zulu, Xhosa, Sotho and Tswana': `
    aganang asanda banele boitumelo buhlebezwe dimakatso fanele gcobani jabu kefilwe khanyi koketso lethiwe
    lizeka lungelo mahlatse mandlenkosi mbongiseni minenhle mokgadi mpho musawenkosi naledi njabulo nokulunga
    nombulelo nomzamo nosipho nqobani ntsiki olona palesa philile pule rethabile sanelisiwe sibonelo silindile
    siphamandla sivuyile sonwabile thabiso thandokazi themba thuli tokelo tumisang vuyani welile yolanda
    zenzele zoleka
  `,
  'Shona, Chewa, Bemba, Kongo, Kinyarwanda and Malagasy': `
    anashe andry butera chabota chenesai chilufya chipochashe chola edzai esengo feno garayi hery ineza kalaba
    kanyana kongolo kumbukani kundai lova madalitso matondo mazvita mihaja mphatso mukamana murambiwa mwape
    naly ngalula ngawo niyonzima nyarai odia rado rangarirai rukudzo ruterana rwendo sahondra simbai solo
    sungani tarisai tikhala tinashe toky umuhoza vimbiso vola wongani zvikomborero
  `,
  'Quechua, Nahuatl, Maya, Guarani and Mapuche': `
    ailin amaru ameyalli antu arami atahualpa aukan ayelen balam caupolican chaska citlali cuauhtemoc
    cuitlahuac huascar illari irupe itati itzcoatl ixchel izel kerana killa kusi kuyen lautaro likan malen
    meztli moctezuma nahuel nehuen nenetl nezahualcoyotl ninan pakal panambi papalotl quetzalli quilla rayen
    relmu rumi sacnicte sinchi sisa suyai suyay tizoc tlaloc tonalli tupac waman wangulen wayra xiadani
    xochitl yaku yatziri yolotl yoltzin yupanqui yvoty
  `,
  'Greenlandic and Inuit': `
    amaruq aputsiaq aqqaluk arnannguaq arnaq aviaja aviaq inuk inuuteq ivalu kunuk maliina minik naja nauja
    nivi niviarsiaq nivikka paarma paarnaq paninnguaq pilu pipaluk salik siku tikaani tulugaq tupaarnaq ukaleq
    ulloriaq
  `,
};

/** Every name once, the languages one after another (training shuffles them). */
export const BUILTIN_DOCUMENTS: readonly string[] = Object.values(NAMES_BY_LANGUAGES)
  .join(' ')
  .trim()
  .split(/\s+/);

/** The same as a text file: one name per line. */
export const BUILTIN_NAMES: string = `${BUILTIN_DOCUMENTS.join('\n')}\n`;
