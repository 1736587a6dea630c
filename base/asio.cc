// Asio's own translation unit: with BOOST_ASIO_SEPARATE_COMPILATION nobody else compiles its insides.
#include <boost/asio/impl/src.hpp>
