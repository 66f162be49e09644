package doctor

var brokerSightings, publishSightings, commandsSightings, clientIDSightings []sighting
