//! Texts of the pages for recipients, in each language. A recipient whose language is not among them reads English.

use domain::channel::Channel;

/// Placeholder for the title of a type, or for a time zone.
const NAME_HERE: &str = "{}";

/// Texts of one language.
#[derive(Debug)]
pub struct PageTexts {
    /// Language tag of the page.
    pub tag: &'static str,
    /// Title of the preference page.
    pub title: &'static str,
    /// First paragraph of the preference page.
    pub intro: &'static str,
    /// Notice after the choices were stored.
    pub saved: &'static str,
    /// Legend of the channels.
    pub channels: &'static str,
    /// Rule by which the choices of types and channels apply together.
    pub both: &'static str,
    push: &'static str,
    email: &'static str,
    sms: &'static str,
    /// Heading above the types.
    pub types: &'static str,
    /// Label of the choice about a whole type.
    pub receive: &'static str,
    /// Label of the channels of a type.
    pub by: &'static str,
    /// Note at a type that is always sent.
    pub always: &'static str,
    /// Legend of the quiet hours.
    pub quiet: &'static str,
    /// Explanation of the quiet hours.
    pub quiet_hint: &'static str,
    zone: &'static str,
    /// Sentence for a recipient without a time zone.
    pub zone_of_sender: &'static str,
    /// Note about several windows, which the page does not show.
    pub several: &'static str,
    /// Label of the choice that removes several windows.
    pub remove: &'static str,
    /// Labels of the two times.
    pub from: &'static str,
    /// See `from`.
    pub until: &'static str,
    /// Button that stores the choices.
    pub save: &'static str,
    /// Heading above an error.
    pub not_saved: &'static str,
    /// Error: one of the two times is missing.
    pub both_times: &'static str,
    /// Error: a time is not one.
    pub wrong_time: &'static str,
    /// Error: the two times are the same.
    pub same_times: &'static str,
    /// Error: the form is not that of the present page.
    pub outdated: &'static str,
    /// Title and button of the page that requires the confirmation of an unsubscription.
    pub unsubscribe: &'static str,
    stop: &'static str,
    /// Title of the page that confirms an unsubscription.
    pub unsubscribed: &'static str,
    stopped: &'static str,
}

impl PageTexts {
    /// Returns the texts for a language tag such as `it-CH`.
    pub fn of(locale: Option<&str>) -> &'static Self {
        let language = locale.and_then(|tag| tag.split('-').next()).unwrap_or_default();
        ALL.iter().find(|texts| texts.tag.eq_ignore_ascii_case(language)).copied().unwrap_or(&ENGLISH)
    }

    /// Returns the name of a channel.
    pub const fn channel(&self, channel: Channel) -> &'static str {
        match channel {
            Channel::Push => self.push,
            Channel::Email => self.email,
            Channel::Sms => self.sms,
        }
    }

    /// Returns the sentence that names the time zone of the quiet hours.
    pub fn zone(&self, zone: &str) -> String {
        self.zone.replace(NAME_HERE, zone)
    }

    /// Returns the question before an unsubscription from a type, whose title is HTML.
    pub fn stop(&self, kind: &str) -> String {
        self.stop.replace(NAME_HERE, kind)
    }

    /// Returns the sentence after an unsubscription from a type, whose title is HTML.
    pub fn stopped(&self, kind: &str) -> String {
        self.stopped.replace(NAME_HERE, kind)
    }
}

static ALL: [&PageTexts; 5] = [&ENGLISH, &ITALIAN, &GERMAN, &FRENCH, &SPANISH];

static ENGLISH: PageTexts = PageTexts {
    tag: "en",
    title: "Message preferences",
    intro: "Choose which messages you receive, and how. The choices take effect as soon as you save them.",
    saved: "Your choices are saved.",
    channels: "Channels for all messages",
    both: "A message is sent on a channel only if both the channel and the kind of message are ticked.",
    push: "Notifications in the browser",
    email: "E-mail",
    sms: "SMS",
    types: "Kinds of messages",
    receive: "Receive these messages",
    by: "By",
    always: "These messages are important and are always sent.",
    quiet: "Quiet hours",
    quiet_hint: "No messages, except important ones, between these times. Leave both empty to receive messages at any time.",
    zone: "The times are those of the time zone {}.",
    zone_of_sender: "The times are those of the sender's time zone.",
    several: "You have several quiet hours. Enter two times to replace them.",
    remove: "Remove the quiet hours",
    from: "From",
    until: "Until",
    save: "Save",
    not_saved: "Nothing was saved",
    both_times: "Enter both times of the quiet hours, or leave both empty.",
    wrong_time: "Enter the times of the quiet hours as hours and minutes, such as 22:00.",
    same_times: "The two times of the quiet hours must differ.",
    outdated: "This page was no longer up to date. Check the choices below and save them again.",
    unsubscribe: "Unsubscribe",
    stop: "Stop all messages of the kind {}?",
    unsubscribed: "Unsubscribed",
    stopped: "You will get no more messages of the kind {}.",
};

static ITALIAN: PageTexts = PageTexts {
    tag: "it",
    title: "Preferenze dei messaggi",
    intro: "Scegli quali messaggi ricevere e come. Le scelte valgono appena le salvi.",
    saved: "Le tue scelte sono salvate.",
    channels: "Canali per tutti i messaggi",
    both: "Un messaggio è inviato su un canale solo se sono selezionati sia il canale sia il tipo di messaggio.",
    push: "Notifiche nel browser",
    email: "E-mail",
    sms: "SMS",
    types: "Tipi di messaggi",
    receive: "Ricevi questi messaggi",
    by: "Tramite",
    always: "Questi messaggi sono importanti e sono sempre inviati.",
    quiet: "Ore di silenzio",
    quiet_hint: "Nessun messaggio, salvo quelli importanti, tra questi orari. Lascia vuoti entrambi i campi per ricevere messaggi a qualsiasi ora.",
    zone: "Gli orari sono quelli del fuso orario {}.",
    zone_of_sender: "Gli orari sono quelli del fuso orario del mittente.",
    several: "Hai più fasce di silenzio. Inserisci due orari per sostituirle.",
    remove: "Elimina le ore di silenzio",
    from: "Dalle",
    until: "Alle",
    save: "Salva",
    not_saved: "Non è stato salvato nulla",
    both_times: "Inserisci entrambi gli orari delle ore di silenzio, o lasciali vuoti entrambi.",
    wrong_time: "Inserisci gli orari delle ore di silenzio in ore e minuti, per esempio 22:00.",
    same_times: "I due orari delle ore di silenzio devono essere diversi.",
    outdated: "Questa pagina non era più aggiornata. Controlla le scelte qui sotto e salvale di nuovo.",
    unsubscribe: "Annulla l'iscrizione",
    stop: "Non vuoi più ricevere messaggi del tipo {}?",
    unsubscribed: "Iscrizione annullata",
    stopped: "Non riceverai più messaggi del tipo {}.",
};

static GERMAN: PageTexts = PageTexts {
    tag: "de",
    title: "Einstellungen für Nachrichten",
    intro: "Wählen Sie, welche Nachrichten Sie erhalten und wie. Die Auswahl gilt, sobald Sie sie speichern.",
    saved: "Ihre Auswahl ist gespeichert.",
    channels: "Kanäle für alle Nachrichten",
    both: "Eine Nachricht wird auf einem Kanal nur gesendet, wenn der Kanal und die Art der Nachricht angekreuzt sind.",
    push: "Mitteilungen im Browser",
    email: "E-Mail",
    sms: "SMS",
    types: "Arten von Nachrichten",
    receive: "Diese Nachrichten erhalten",
    by: "Über",
    always: "Diese Nachrichten sind wichtig und werden immer gesendet.",
    quiet: "Ruhezeiten",
    quiet_hint: "Keine Nachrichten zwischen diesen Zeiten, ausgenommen wichtige. Lassen Sie beide Felder leer, um jederzeit Nachrichten zu erhalten.",
    zone: "Die Zeiten gelten in der Zeitzone {}.",
    zone_of_sender: "Die Zeiten gelten in der Zeitzone des Absenders.",
    several: "Sie haben mehrere Ruhezeiten. Geben Sie zwei Zeiten ein, um sie zu ersetzen.",
    remove: "Ruhezeiten löschen",
    from: "Von",
    until: "Bis",
    save: "Speichern",
    not_saved: "Nichts wurde gespeichert",
    both_times: "Geben Sie beide Zeiten der Ruhezeiten ein, oder lassen Sie beide Felder leer.",
    wrong_time: "Geben Sie die Zeiten der Ruhezeiten in Stunden und Minuten ein, zum Beispiel 22:00.",
    same_times: "Die beiden Zeiten der Ruhezeiten müssen sich unterscheiden.",
    outdated: "Diese Seite war nicht mehr aktuell. Prüfen Sie die Auswahl unten und speichern Sie sie noch einmal.",
    unsubscribe: "Abbestellen",
    stop: "Keine Nachrichten der Art {} mehr erhalten?",
    unsubscribed: "Abbestellt",
    stopped: "Sie erhalten keine Nachrichten der Art {} mehr.",
};

static FRENCH: PageTexts = PageTexts {
    tag: "fr",
    title: "Préférences des messages",
    intro: "Choisissez les messages que vous recevez, et comment. Vos choix prennent effet dès que vous les enregistrez.",
    saved: "Vos choix sont enregistrés.",
    channels: "Canaux pour tous les messages",
    both: "Un message n'est envoyé sur un canal que si le canal et le type de message sont cochés.",
    push: "Notifications dans le navigateur",
    email: "E-mail",
    sms: "SMS",
    types: "Types de messages",
    receive: "Recevoir ces messages",
    by: "Par",
    always: "Ces messages sont importants et sont toujours envoyés.",
    quiet: "Heures de silence",
    quiet_hint: "Aucun message, sauf les messages importants, entre ces heures. Laissez les deux champs vides pour recevoir des messages à toute heure.",
    zone: "Les heures sont celles du fuseau horaire {}.",
    zone_of_sender: "Les heures sont celles du fuseau horaire de l'expéditeur.",
    several: "Vous avez plusieurs heures de silence. Saisissez deux heures pour les remplacer.",
    remove: "Supprimer les heures de silence",
    from: "De",
    until: "À",
    save: "Enregistrer",
    not_saved: "Rien n'a été enregistré",
    both_times: "Saisissez les deux heures des heures de silence, ou laissez les deux champs vides.",
    wrong_time: "Saisissez les heures de silence en heures et minutes, par exemple 22:00.",
    same_times: "Les deux heures des heures de silence doivent être différentes.",
    outdated: "Cette page n'était plus à jour. Vérifiez les choix ci-dessous et enregistrez-les de nouveau.",
    unsubscribe: "Se désabonner",
    stop: "Ne plus recevoir de messages du type {} ?",
    unsubscribed: "Désabonnement effectué",
    stopped: "Vous ne recevrez plus de messages du type {}.",
};

static SPANISH: PageTexts = PageTexts {
    tag: "es",
    title: "Preferencias de mensajes",
    intro: "Elija qué mensajes recibe y cómo. Los cambios se aplican en cuanto los guarda.",
    saved: "Sus preferencias están guardadas.",
    channels: "Canales para todos los mensajes",
    both: "Un mensaje solo se envía por un canal si están marcados tanto el canal como el tipo de mensaje.",
    push: "Notificaciones en el navegador",
    email: "Correo electrónico",
    sms: "SMS",
    types: "Tipos de mensajes",
    receive: "Recibir estos mensajes",
    by: "Por",
    always: "Estos mensajes son importantes y se envían siempre.",
    quiet: "Horas de silencio",
    quiet_hint: "Ningún mensaje, salvo los importantes, entre estas horas. Deje ambos campos vacíos para recibir mensajes a cualquier hora.",
    zone: "Las horas son las de la zona horaria {}.",
    zone_of_sender: "Las horas son las de la zona horaria del remitente.",
    several: "Tiene varias horas de silencio. Introduzca dos horas para sustituirlas.",
    remove: "Eliminar las horas de silencio",
    from: "Desde",
    until: "Hasta",
    save: "Guardar",
    not_saved: "No se ha guardado nada",
    both_times: "Introduzca ambas horas de las horas de silencio, o deje ambos campos vacíos.",
    wrong_time: "Introduzca las horas de silencio en horas y minutos, por ejemplo 22:00.",
    same_times: "Las dos horas de las horas de silencio deben ser distintas.",
    outdated: "Esta página ya no estaba actualizada. Compruebe las opciones y guárdelas de nuevo.",
    unsubscribe: "Cancelar la suscripción",
    stop: "¿Dejar de recibir mensajes del tipo {}?",
    unsubscribed: "Suscripción cancelada",
    stopped: "No recibirá más mensajes del tipo {}.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_tag_decides_and_english_is_the_rest() {
        for (tag, language) in [
            ("it", "it"),
            ("it-CH", "it"),
            ("DE-at", "de"),
            ("fr", "fr"),
            ("es-419", "es"),
            ("en-GB", "en"),
            ("he-IL", "en"),
        ] {
            assert_eq!(PageTexts::of(Some(tag)).tag, language, "{tag}");
        }
        assert_eq!(PageTexts::of(None).tag, "en");
    }

    #[test]
    fn every_sentence_with_a_name_has_its_place() {
        for texts in ALL {
            for sentence in [texts.stop("<b>News</b>"), texts.stopped("<b>News</b>"), texts.zone("Europe/Rome")] {
                assert!(sentence.contains("News") || sentence.contains("Rome"), "{}: {sentence}", texts.tag);
            }
        }
    }
}
