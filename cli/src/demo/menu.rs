//! What the demo's customers order: a pizza menu of this project's own making.

/// A pizza: sku, name, what is on it, price in euros.
pub(super) type Pizza = (&'static str, &'static str, &'static str, &'static str);

/// The card.
pub(super) const MENU: [Pizza; 14] = [
    ("margherita", "Margherita", "Tomato, mozzarella, basil", "8.50"),
    ("marinara", "Marinara", "Tomato, garlic, oregano; no cheese", "7.90"),
    ("napoli", "Napoli", "Tomato, mozzarella, anchovies, capers", "9.80"),
    ("diavola", "Diavola", "Tomato, mozzarella, hot salami", "10.40"),
    ("funghi", "Funghi", "Mozzarella, mushrooms from the wood, parsley", "10.20"),
    ("quattro", "Four Cheeses", "Mozzarella, gorgonzola, scamorza, parmesan", "11.30"),
    ("garden", "Garden", "Tomato, mozzarella, and what is ripe", "9.95"),
    ("smoke", "Smoked Scamorza and Leek", "No tomato; black pepper", "11.60"),
    ("potato", "Potato and Rosemary", "Thin slices, olive oil, sea salt", "9.40"),
    ("fig", "Fig, Gorgonzola and Walnut", "With a little honey", "12.75"),
    ("tuna", "Tuna and Red Onion", "Tomato, mozzarella, olives", "10.90"),
    ("calzone", "Calzone of the House", "Folded; ricotta, ham, mozzarella", "11.80"),
    ("kids", "The Small One", "A Margherita for small hands", "5.25"),
    ("bianca", "Bianca", "Olive oil and salt", "4.60"),
];
