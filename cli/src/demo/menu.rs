//! What the demo's customers order: a pizza menu of this project's own making.

/// A pizza: sku, name, price in euros.
pub(super) type Pizza = (&'static str, &'static str, &'static str);

/// The card.
pub(super) const MENU: [Pizza; 14] = [
    ("margherita", "Margherita", "8.50"),
    ("marinara", "Marinara", "7.90"),
    ("napoli", "Napoli, with anchovies and capers", "9.80"),
    ("diavola", "Diavola, with hot salami", "10.40"),
    ("funghi", "Funghi, with mushrooms from the wood", "10.20"),
    ("quattro", "Four Cheeses", "11.30"),
    ("garden", "Garden, with what is ripe", "9.95"),
    ("smoke", "Smoked Scamorza and Leek", "11.60"),
    ("potato", "Potato and Rosemary", "9.40"),
    ("fig", "Fig, Gorgonzola and Walnut", "12.75"),
    ("tuna", "Tuna and Red Onion", "10.90"),
    ("calzone", "Calzone of the House", "11.80"),
    ("kids", "The Small One", "5.25"),
    ("bianca", "Bianca, with olive oil and salt", "4.60"),
];
